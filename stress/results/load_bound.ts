/**
 * How much a machine may have to do beside, so that durations are the group's own.
 *
 * @module
 */
import { type Machine, OVERLOAD_FACTOR } from "../../sim/measure/machine_load.ts";

/**
 * The load of a run, beside the bound above which its durations say more of the machine.
 *
 * @param load how busy the machine was
 * @returns such as `a load average of 7.9 on 2 processors, more than 4`
 */
export function loadText({ cpus, loadAverageHighest }: Machine): string {
  return `a load average of ${loadAverageHighest} on ${cpus} processors, more than ` +
    `${OVERLOAD_FACTOR * cpus}`;
}

/**
 * Whether a machine had too much to do at any time of a run: a case lasts for seconds, and a burst of other work beside it is all of one.
 *
 * @param load how busy the machine was
 */
export function wasOverloaded(
  { cpus, loadAverageHighest }: Pick<Machine, "cpus" | "loadAverageHighest">,
): boolean {
  return loadAverageHighest > OVERLOAD_FACTOR * cpus;
}
