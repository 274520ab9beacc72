/**
 * What a run was asked to measure, by its arguments: what it was not asked for is not missing.
 *
 * @module
 */
import type { StressResult } from "./result.ts";

/**
 * Whether a run was to measure a case. A law stands for cases that only the catalog knows; those that there are have all been run, so they are
 * in the result.
 *
 * @param result the result
 * @param id the case
 * @returns whether it should be there: a sanity check leaves out whatever is not named by its own name
 */
export function wasAskedFor(
  { arguments: given, quick }: Pick<StressResult, "arguments" | "quick">,
  id: string,
): boolean {
  const only = given.filter((_, at) => given[at - 1] === "--only");
  if (only.includes(id)) return true;
  return !quick && (only.length === 0 || only.includes(id.split("/")[0]!));
}
