/**
 * What `parti stress baseline` and `parti stress compare` do with results.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { say } from "../../tasks/console.ts";
import { exitCodes } from "../../tasks/exit_codes.ts";
import { RESULT_FILE, type StressResult } from "../results/result.ts";
import { compareResults, type Comparison, percent } from "../results/compare.ts";
import {
  BASELINE_FOLDER,
  baselineName,
  baselineNames,
  fileOf,
  saveBaseline,
} from "../results/baselines.ts";
import { DEFAULT_OUT, readResult } from "../results/files.ts";
import { figureText, tableLines } from "../results/text.ts";
import { lastWhole, missingIn } from "./kept_whole.ts";

/** The options of `baseline`. */
export interface BaselineOptions {
  /** What to call it. */
  readonly name?: string;
  /** Where baselines are. */
  readonly dir?: string;
  /** Whether doubts about the result do not keep it from being saved. */
  readonly anyway?: boolean;
}

/**
 * Saves a result as a baseline. Of a folder whose last run is not the whole suite it is the whole one that was kept, unless the baseline gets
 * a name.
 *
 * @param path the result; by default the last run's
 * @param options what to call it
 * @returns the exit code
 * @throws {PartiError} if there is no such result, or it is no baseline
 */
export async function runBaseline(
  path: string | undefined,
  options: BaselineOptions,
): Promise<number> {
  const { name: given } = options;
  const last = path ?? DEFAULT_OUT;
  const { result, keptIn } = given === undefined
    ? await lastWhole(last)
    : { result: await readResult(last) };
  if (given === undefined) checkWhole(result);
  const name = given ?? baselineName(result);
  const { dir = BASELINE_FOLDER, anyway = false } = options;
  const file = await saveBaseline(result, name, dir, anyway);
  if (keptIn !== undefined) say(`The last run is not the whole suite: ${keptIn} is taken.`);
  say(`${file}: ${result.cases.length} cases of ${result.startedAt}`);
  return exitCodes.pass;
}

/**
 * Compares a result with a baseline.
 *
 * @param baselinePath the baseline; by default the one that is named after this result's machine
 * @param resultPath the result; by default the last run's
 * @param dir where baselines are
 * @returns the exit code: 1 if something has become worse, 2 if that could not be found out
 * @throws {PartiError} if one of them cannot be read
 */
export async function runCompare(
  baselinePath: string | undefined,
  resultPath: string | undefined,
  dir: string = BASELINE_FOLDER,
): Promise<number> {
  const result = await readResult(resultPath ?? DEFAULT_OUT);
  const path = baselinePath === undefined
    ? await defaultBaseline(dir, baselineName(result))
    : await named(dir, baselinePath);
  const comparison = compareResults(await readResult(path), result);
  for (const line of comparisonLines(comparison, path)) say(line);
  return exitCodes[comparison.verdict];
}

/**
 * What `compare` holds every run of a machine against has all there is; a part has a name of its own.
 *
 * @param result what is to be the baseline
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if a case is missing
 */
export function checkWhole(result: StressResult): void {
  const missing = missingIn(result);
  if (missing.length === 0) return;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `the result is not the whole suite: ${missing.length} cases are missing (${missing[0]}, …)`,
    {
      value: missing,
      hint: "run `deno task stress` without --only, or call the part by a name with --name",
    },
  );
}

/** A baseline is named by its file, or as it was called when it was saved. */
async function named(dir: string, path: string): Promise<string> {
  // A folder of the same name without a result in it is not meant.
  const ofRun = `${path.replace(/(?<=.)\/+$/, "")}/${RESULT_FILE}`;
  const given = await isFolder(path) ? ofRun : path;
  for (const file of [given, fileOf(dir, path)]) if (await isThere(file)) return file;
  throw new PartiError("PARTI_NOT_FOUND", `there is no baseline ${path}`, {
    ...{ value: path, hint: await baselinesText(dir) },
  });
}

async function defaultBaseline(dir: string, name: string): Promise<string> {
  const file = fileOf(dir, name);
  if (await isThere(file)) return file;
  throw new PartiError("PARTI_NOT_FOUND", `there is no baseline of this machine: ${file}`, {
    ...{ value: file, hint: await baselinesText(dir) },
  });
}

const SAVE_ONE = "`deno task stress` and then `deno task stress baseline` save one";

async function baselinesText(dir: string): Promise<string> {
  const names = await baselineNames(dir);
  return names.length === 0
    ? `there is none in ${dir} yet; ${SAVE_ONE}`
    : `there are ${names.join(", ")} in ${dir}; ${SAVE_ONE}`;
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path) !== undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path))?.isDirectory ?? false;
}

async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

const VERDICTS = {
  pass: "PASS: nothing has become worse than is tolerated",
  fail: "FAIL:",
  unknown: "COULD NOT VERIFY:",
} as const;

function comparisonLines({ changes, verdict, reasons, notes }: Comparison, path: string): string[] {
  const rows = changes.map(({ figure, unit, before, after, change, band, limit, outcome }) => [
    ...[figure, figureText(before), figureText(after), unit],
    `${change > 0 ? "+" : ""}${percent(change)}`,
    band === undefined ? "—" : `± ${percent(band)}`,
    limit === undefined ? "" : percent(limit),
    outcome === "worse" ? "WORSE" : outcome === "loaded" ? "not judged" : outcome,
  ]);
  const heads = ["Figure", "Before", "After", "Unit", "Change", "Noise", "Tolerated", ""];
  return [
    `Baseline: ${path}`,
    "",
    ...tableLines([heads, ...rows], new Set([1, 2, 4, 5, 6])),
    "",
    ...notes.map((line) => `note: ${line}`),
    VERDICTS[verdict],
    ...reasons.map((reason) => `  - ${reason}`),
  ];
}
