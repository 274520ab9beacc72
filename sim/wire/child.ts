/**
 * The life of a child process, whatever its role: connects, reports, ends with its parent.
 *
 * @module
 */
import { setPriority } from "node:os";
import { describeError, PartiError } from "../../lib/errors.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { World } from "../../lib/ports/world.ts";
import { writeLibraryLog } from "../logs/library_log.ts";
import { exitWhenParentDies } from "../../tasks/spawn.ts";
import { urlsOf } from "../config/nats_section.ts";
import { connectionOptionsOf, takeAccess } from "./access.ts";
import { isLargeFleet } from "./large_fleet.ts";
import { Reporter } from "./reporter.ts";
import type { ChildSpec } from "./wire.ts";

const encoder = new TextEncoder();

/** What a role gets. */
export interface Child {
  /** The child's world. */
  readonly world: World;
  /** Where its reports go. */
  readonly reporter: Reporter;
}

/**
 * Runs this process as a child of the coordinator; it ends with the role, or with the coordinator.
 *
 * @param spec the argument of the child
 * @param role what it does
 */
export async function runChild(
  spec: ChildSpec,
  role: (child: Child) => Promise<void>,
): Promise<void> {
  exitWhenParentDies();
  standBack(spec.config);
  const { logs } = spec.config;
  await writeLibraryLog({ ...logs, process: spec.process, write: writeLine });
  // Ctrl-C reaches the whole process group; the coordinator decides in which order we end.
  Deno.addSignalListener("SIGINT", () => {});
  // The coordinator has reached the server: if it is away now, it will be back.
  const nc = await connectNats({
    ...connectionOptionsOf(takeAccess()),
    servers: urlsOf(spec.natsUrl),
    name: spec.process,
    waitOnFirstConnect: true,
    // All of ours are named. The addresses that servers tell of each other would lead past a network that is to fail.
    ignoreClusterUpdates: spec.config.nats.mode === "embedded",
  });
  const world = natsWorld(nc);
  const reporter = new Reporter(world, spec.runId, spec.process);
  let code = 0;
  try {
    await role({ world, reporter });
  } catch (error) {
    code = 1;
    complain(error);
    reporter.add({ kind: "trouble", message: troubleOf(error) }, "now");
    await atMost(reporter.flush());
  }
  // Draining sends the last answers; without a server there is nobody to send them to.
  await atMost(nc.drain());
  Deno.exit(code);
}

/** About a tenth of the processor time of a process that is not nice. */
const NICE = 10;

/**
 * A hundred processes that all have something to do leave the one server they share next to nothing of the processor, and lose
 * their leases with it. In earnest they do not share its machine. So many let the server go first.
 */
function standBack(config: Pick<ChildSpec["config"], "nats" | "workers">): void {
  if (config.nats.mode === "embedded" && isLargeFleet(config)) setPriority(NICE);
}

const FAREWELL_MS = 2_000;

async function atMost(work: Promise<unknown>): Promise<void> {
  await Promise.race([work, new Promise((resolve) => setTimeout(resolve, FAREWELL_MS))])
    .catch(() => {});
}

/** Writes a line that the coordinator puts into this process's log file, and quotes if this process ends. */
function writeLine(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${line}\n`));
}

/**
 * Writes what went wrong there.
 *
 * @param error anything caught
 */
export function complain(error: unknown): void {
  writeLine(troubleOf(error));
}

function troubleOf(error: unknown): string {
  const hint = error instanceof PartiError && error.hint !== undefined ? ` (${error.hint})` : "";
  return describeError(error) + hint;
}
