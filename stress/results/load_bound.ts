/**
 * How much a machine may have to do beside, so that durations are the group's own.
 *
 * @module
 */
import { OVERLOAD_FACTOR } from "../../sim/measure/machine_load.ts";
import type { CaseResult } from "./result.ts";

type Loaded = Pick<CaseResult, "id" | "loadAverages">;

/**
 * The load of some cases, beside the bound above which their durations say more of the machine.
 *
 * @param cases the cases, one at least
 * @param cpus how many processors the machine has
 * @returns such as `a load average of 7.9 on 2 processors, more than 4, in scale/10w-100p`
 */
export function loadText(cases: readonly Loaded[], cpus: number): string {
  const highest = Math.max(...cases.flatMap(({ loadAverages }) => loadAverages));
  const [first, ...others] = cases;
  const where = others.length === 0 ? first!.id : `${cases.length} cases (${first!.id}, …)`;
  const bound = OVERLOAD_FACTOR * cpus;
  return `a load average of ${highest} on ${cpus} processors, more than ${bound}, in ${where}`;
}

/**
 * Whether a machine had too much to do at any time of a case: a process of it lasts for seconds, and a burst of other work beside it is all of
 * one.
 *
 * @param one the case
 * @param cpus how many processors the machine has
 */
export function wasOverloaded(
  { loadAverages }: Pick<Loaded, "loadAverages">,
  cpus: number,
): boolean {
  return loadAverages.some((load) => load > OVERLOAD_FACTOR * cpus);
}
