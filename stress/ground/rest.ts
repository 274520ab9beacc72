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
