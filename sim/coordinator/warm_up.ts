/**
 * The beginning of a run: all processes are started, and all workers come to share all partitions.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import type { SimConsole } from "../console/status_line.ts";
import type { Fleet } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { untilFine } from "../run/wait.ts";

/** What warming up needs. */
export interface WarmUpOptions {
  /** How many of whom. */
  readonly config: Pick<SimulationConfig, "workers" | "producers">;
  /** The workers' numbers; as many as the configuration says, if left out. */
  readonly workers?: readonly number[] | undefined;
  /** The processes; none yet. */
  readonly fleet: Pick<Fleet, "spawn" | "running" | "members">;
  /** What is known. */
  readonly state: Pick<RunState, "incidents" | "disorder" | "startupMs">;
  /** How many of the incidents are of the run before it was resumed: they say nothing of who is started now. */
  readonly known?: number | undefined;
  /** Where it is said. */
  readonly console: Pick<SimConsole, "log">;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

/** How long the group may take to come up, and how much longer for each worker: they share the machine's cores. */
const WARM_UP_MS = 60_000;
const WARM_UP_PER_WORKER_MS = 1_000;

/**
 * How many workers may be starting at the same time. A hundred processes that load their program at once on few cores take each
 * other so much time that those who are in the group already miss their own deadlines; nobody deploys a hundred at once either.
 */
const STARTING_AT_ONCE = 12;

/**
 * Starts all processes and waits until the producers are ready, all workers are Stable and each partition has its owner.
 *
 * @param options what it needs
 * @returns how long it took from the first worker's readiness until all were Stable at once, in milliseconds; null if the run was
 * interrupted before
 * @throws {PartiError} `PARTI_STARTUP_TIMEOUT` if that does not come
 */
export async function warmUp(options: WarmUpOptions): Promise<number | null> {
  const { config, fleet, state, console, signal } = options;
  const { workers = upTo(config.workers.count), known = 0 } = options;
  const waiting = [...workers];
  for (const index of upTo(config.producers.count)) fleet.spawn("producer", index);
  console.log("INFO", `Started ${config.producers.count} producers`);
  const patienceMs = WARM_UP_MS + workers.length * WARM_UP_PER_WORKER_MS;
  const amiss = await untilFine(patienceMs, signal, () => {
    // Whoever fails now fails again: there is no point in waiting.
    if (state.incidents.length > known) return undefined;
    if (waiting.length > 0) {
      startMore(fleet, waiting);
      if (waiting.length === 0) console.log("INFO", `Started ${workers.length} workers`);
      return `${waiting.length} workers are not started yet`;
    }
    const producers = fleet.running("producer");
    if (producers.some(({ readyUs }) => readyUs === undefined)) return "a producer is not ready";
    return state.disorder();
  });
  const incident = state.incidents[known];
  if (incident !== undefined) throw notUp(incident);
  if (signal.aborted) return null;
  if (amiss !== undefined) throw notUp(amiss, lastWords(fleet));
  const { startupMs } = state;
  console.log(
    "INFO",
    `All workers are Stable at once ${startupMs}ms after the first one was ready`,
  );
  return startupMs;
}

/** Starts as many as may be starting; takes them out of the list. */
function startMore(fleet: Pick<Fleet, "spawn" | "running">, waiting: number[]): void {
  const starting = fleet.running("worker").filter(({ readyUs }) => readyUs === undefined).length;
  const more = Math.max(0, STARTING_AT_ONCE - starting);
  for (const index of waiting.splice(0, more)) fleet.spawn("worker", index);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function notUp(why: string, hint?: string): PartiError {
  return new PartiError("PARTI_STARTUP_TIMEOUT", `the group did not come up: ${why}`, {
    ...(hint === undefined ? {} : { hint }),
  });
}

function lastWords(fleet: Pick<Fleet, "members">): string {
  const lines = fleet.members.flatMap(({ process, output }) => {
    return output.slice(-2).map((line) => `${process}: ${line}`);
  });
  return lines.length === 0 ? "no process said anything" : lines.slice(0, 10).join("\n");
}
