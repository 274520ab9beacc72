/**
 * The last result of the whole suite is kept when another run begins in its folder: it took two hours, and the next run writes over it after
 * its first process.
 *
 * @module
 */
import { isPartiError } from "../../lib/errors.ts";
import { note } from "../../tasks/console.ts";
import { idOf } from "../case.ts";
import { CATALOG } from "../registry.ts";
import { unfitOf } from "../results/baselines.ts";
import { readResult, writeResult } from "../results/files.ts";
import { RESULT_FILE, type StressResult } from "../results/result.ts";

/** Its name in the output folder. */
export const WHOLE_FILE = "stress.whole.json";

/**
 * The cases that a result would have if it were one of the whole suite.
 *
 * @param result the result
 * @returns their names; none if it is
 */
export function missingIn({ cases }: StressResult): string[] {
  return CATALOG.cases.map(idOf).filter((id) => !cases.some((one) => one.id === id));
}

/**
 * Keeps what is in a folder, if it is of the whole suite and came to its end.
 *
 * @param folder where the next run writes
 * @throws {PartiError} `PARTI_REFUSED` if it cannot be written: the next run would destroy it
 */
export async function keepWhole(folder: string): Promise<void> {
  const last = await resultIn(`${folder}/${RESULT_FILE}`);
  if (last === undefined || !isWhole(last)) return;
  const file = `${folder}/${WHOLE_FILE}`;
  await writeResult(file, last);
  note(`Kept: ${file}, the whole suite of ${last.startedAt}`);
}

/**
 * The last result, or the last whole one where that is another.
 *
 * @param path the folder of a run, or a file, beside which nothing is kept
 * @returns the result, and where it was kept if it is not the last one
 * @throws {PartiError} if there is none
 */
export async function lastWhole(
  path: string,
): Promise<{ readonly result: StressResult; readonly keptIn?: string }> {
  const result = await readResult(path);
  if (isWhole(result)) return { result };
  const keptIn = `${path}/${WHOLE_FILE}`;
  const kept = await resultIn(keptIn);
  return kept === undefined ? { result } : { result: kept, keptIn };
}

/** Whether it can be the baseline of a machine, and another run would take hours to be one again. */
function isWhole(result: StressResult): boolean {
  return result.unfinished === undefined && unfitOf(result) === undefined &&
    missingIn(result).length === 0;
}

/** What is no result, or not there, is nothing to keep. */
async function resultIn(file: string): Promise<StressResult | undefined> {
  try {
    return await readResult(file);
  } catch (error) {
    if (isPartiError(error, "PARTI_NOT_FOUND", "PARTI_INVALID_FILE")) return undefined;
    throw error;
  }
}
