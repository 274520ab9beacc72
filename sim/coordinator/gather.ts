/**
 * The beginning of a run whose processes are started by hand: until a host is there for each of them.
 *
 * @module
 */
import type { RemoteHosts } from "../host/remote_hosts.ts";
import type { SimConsole } from "../console/status_line.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
import type { Role } from "../wire/wire.ts";

/** What gathering needs. */
export interface GatherOptions {
  /** The hosts. */
  readonly hosts: Pick<RemoteHosts, "missing">;
  /** How many processes of each kind there are. */
  readonly counts: Readonly<Record<Role, number>>;
  /** Where it is said. */
  readonly console: Pick<SimConsole, "log">;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

const SAY_INTERVAL_MS = 10_000;
const SHOWN = 5;

/**
 * Waits for the hosts, however long it takes a person to start them.
 *
 * @param options what it needs
 */
export async function gather({ hosts, counts, console, signal }: GatherOptions): Promise<void> {
  let saidMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const missing = (["producer", "worker"] as const).flatMap((role) =>
      hosts.missing(role, counts[role]).map((index) => `${role}-${index}`)
    );
    if (missing.length === 0) return;
    if (performance.now() - saidMs > SAY_INTERVAL_MS) {
      saidMs = performance.now();
      const names = missing.slice(0, SHOWN).join(", ") + (missing.length > SHOWN ? ", …" : "");
      const variable = missing[0]!.startsWith("worker") ? "WORKER_ID" : "PRODUCER_ID";
      console.log(
        "INFO",
        `Waiting for hosts of ${missing.length} processes: ${names} ` +
          `(start one with ${variable}=${missing[0]} and the same configuration)`,
      );
    }
    await pauseFor(POLL_MS, signal);
  }
}
