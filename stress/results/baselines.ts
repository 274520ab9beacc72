/**
 * Results that others are held against: which are fit for it, how they are called, where they are.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { compareResults } from "./compare.ts";
import { makeFolder, writeResult } from "./files.ts";
import type { StressResult } from "./result.ts";

/** Where baselines are. */
export const BASELINE_FOLDER = "stress/baselines";

/**
 * Saves a result as a baseline: without what `compare` does not need.
 *
 * @param result the result
 * @param name what to call it
 * @param folder where baselines are
 * @param anyway whether it is saved although a case found something wrong, or the machine had too much to do
 * @returns the file
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the result is none to compare with, or the name or the folder is no use
 */
export async function saveBaseline(
  result: StressResult,
  name: string,
  folder: string,
  anyway = false,
): Promise<string> {
  if (!/^[\w.-]+$/.test(name)) {
    throw new PartiError("PARTI_INVALID_CONFIG", `"${name}" is no name for a baseline`, {
      ...{ value: name, hint: "use letters, digits, dots and dashes" },
    });
  }
  const unfit = unfitOf(result);
  if (unfit !== undefined) {
    throw new PartiError("PARTI_INVALID_CONFIG", `the result is no baseline: ${unfit}`, {
      ...{ value: result.startedAt, hint: "run `deno task stress` once more, to its end" },
    });
  }
  const doubtful = doubtOf(result);
  if (doubtful !== undefined && !anyway) {
    throw new PartiError("PARTI_INVALID_CONFIG", `the result is no good baseline: ${doubtful}`, {
      value: result.startedAt,
      hint: "measure once more when nothing else runs, or save it all the same with --anyway",
    });
  }
  await makeFolder(folder, "--dir");
  const file = fileOf(folder, name);
  await writeResult(file, {
    ...result,
    cases: result.cases.map((one) => ({ ...one, series: [] })),
  });
  return file;
}

/**
 * Why a result cannot be what others are held against.
 *
 * @param result the result
 * @returns the first reason; undefined if it can
 */
export function unfitOf({ fault, quick, cases }: StressResult): string | undefined {
  if (fault !== null) return `it has the planted defect ${fault}`;
  if (quick) return "it is only a sanity check";
  return cases.some(({ failures }) => failures.length > 0)
    ? "something in it could not be measured"
    : undefined;
}

/**
 * Why a result should not be what others are held against, though it can be: not even held against itself would it pass.
 *
 * @param result the result
 * @returns the first reason; undefined if it is a good one
 */
export function doubtOf(result: StressResult): string | undefined {
  const [reason] = compareResults(result, result).reasons;
  return reason === undefined ? undefined : `held against itself, ${reason}`;
}

/**
 * The file of a baseline.
 *
 * @param folder where baselines are
 * @param name what it is called
 */
export function fileOf(folder: string, name: string): string {
  return `${folder}/${name}.json`;
}

/**
 * The baselines that there are.
 *
 * @param folder where they are
 * @returns their names, in order; none if there is no such folder
 */
export async function baselineNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".json")) names.push(name.slice(0, -".json".length));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/**
 * A name for a baseline: the machine's.
 *
 * @param result a result of that machine
 * @returns such as `some-xeon-2cpu-8gb`
 */
export function baselineName({ machine }: Pick<StressResult, "machine">): string {
  const { cpuModel, cpus, memoryBytes } = machine;
  const model = cpuModel.toLowerCase().replaceAll(/\([^)]*\)|cpu|processor/g, " ").trim()
    .replaceAll(/[^a-z0-9.]+/g, "-").replace(/^-|-$/g, "");
  return `${model || "machine"}-${cpus}cpu-${Math.round(memoryBytes / 1_024 ** 3)}gb`;
}
