/**
 * How long a group at rest has to be looked at: what comes by now and then must have come several times.
 *
 * @module
 */
import { rereadEveryMs } from "../../lib/assignment/assignment_follower.ts";
import { type GroupConfigInput, resolveConfig } from "../../lib/config/config.ts";

/** The rarest that each worker does at rest is seen so often, or rather more. */
const PERIODS = 3;

/**
 * The window in which a group's rest is measured: whole periods of the rarest that its workers do, which is to read the assignment again.
 * The leases are renewed, and probes and watches are heard of, many times meanwhile.
 *
 * @param config of the group
 * @returns milliseconds
 */
export function restWindowMs(config: GroupConfigInput): number {
  return PERIODS * rereadEveryMs(resolveConfig(config));
}

/** A group, as far as its rest is concerned. */
export interface Resting {
  /** What keeps it from being well; undefined if nothing does. */
  readonly trouble: string | undefined;
  /** The generation that its workers follow. */
  readonly generation: number | undefined;
}

/**
 * Measures a group at rest. One that falls apart costs less and less, one that moves costs more, and both are told.
 *
 * @param group the group, which is well
 * @param measure measures for a while
 * @returns what was measured, and what was not as it should be
 */
export async function measureAtRest<T>(
  group: Resting,
  measure: () => Promise<T>,
): Promise<{ readonly measured: T; readonly problems: readonly string[] }> {
  const before = group.generation;
  const measured = await measure();
  const { generation } = group;
  const trouble = group.trouble ??
    (generation === before ? undefined : `generation ${before} became ${generation}`);
  const problems = trouble === undefined ? [] : [`the group did not stay at rest: ${trouble}`];
  return { measured, problems };
}
