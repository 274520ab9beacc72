/**
 * The end of chaos: everybody comes back, and the group shares its partitions as evenly as its strategy promises.
 *
 * @module
 */
import type { SimulationConfig } from "../config/config_schema.ts";
import { resolveGroup } from "../config/group_check.ts";
import { maxOverMean, type Share, unevenness } from "../measure/balance.ts";
import type { Fleet } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import { untilFine } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";

/** What healing needs. */
export interface HealOptions {
  /** What is promised. */
  readonly config: Pick<SimulationConfig, "nats" | "simulation" | "workers">;
  /** The processes. */
  readonly fleet: Pick<Fleet, "running">;
  /** What is known; takes who has what in the end. */
  readonly state: Pick<RunState, "disorder" | "incidents" | "doubts" | "sharing" | "partitions">;
  /** Whether the servers answer. */
  readonly isServed: () => Promise<boolean>;
  /** How long it may take, in milliseconds. */
  readonly patienceMs: number;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

/** `StickyBalanced` promises this where the configuration says nothing else. */
const TOLERANCE = 0.05;

/**
 * Waits until all workers are Stable, each partition has one owner, and, where the strategy promises it, the load is even. What is not so
 * in the end is an incident, or a doubt if no server answers then.
 *
 * @param options what it needs
 */
export async function heal(options: HealOptions): Promise<void> {
  const { config, fleet, state, isServed, patienceMs, signal } = options;
  const { assignment_strategy: strategy, strategy_config: settings } = config.workers;
  const { weights } = state.partitions;
  const { capacity } = resolveGroup(config);
  const sinceUs = nowUs();
  const amiss = await untilFine(patienceMs, signal, () => {
    const disorder = state.disorder(sinceUs);
    if (disorder !== undefined) return `the group did not heal: ${disorder}`;
    const shares = fleet.running("worker").map(({ process, status }): Share => {
      return { process, capacity, partitions: status?.owned ?? [] };
    });
    state.sharing = { shares, maxOverMean: maxOverMean(shares, weights) };
    if (strategy !== "StickyBalanced") return undefined;
    return unevenness(shares, weights, settings.tolerance ?? TOLERANCE);
  });
  if (amiss === undefined || signal.aborted) return;
  const what = `within the validation window of ${patienceMs / 1_000}s ${amiss}`;
  if (await isServed()) state.incidents.push(what);
  // Without a server nobody can heal, nor tell that he has.
  else state.doubts.push(`no server answers: ${what}`);
}
