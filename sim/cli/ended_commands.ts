/**
 * What `parti sim report` and `parti sim compare` do with runs that have ended.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { renderPage } from "../report_page/page.ts";
import { renderComparison } from "../results/compare.ts";
import { chaosCsv, seriesCsv } from "../results/csv.ts";
import { junitXml } from "../results/junit.ts";
import { type EndedRun, readReport, readRun } from "../results/read_run.ts";

/** The page's name in the folder of a run. */
export const PAGE_FILE = "report.html";
const JUNIT_FILE = "report.junit.xml";
const CHAOS_FILE = "chaos.csv";
const SAMPLES_FILE = "series.csv";

/** All that is made of a run's result. */
export const DERIVED_FILES: readonly string[] = [PAGE_FILE, JUNIT_FILE, CHAOS_FILE, SAMPLES_FILE];

/**
 * Makes all that is made of a run's result once more.
 *
 * @param path the run's folder, or its `report.json`
 * @returns the path of the page
 * @throws {PartiError} `PARTI_NOT_FOUND` or `PARTI_INVALID_FILE` if there is no such run, or it cannot be written there
 */
export async function rebuildReport(path: string): Promise<string> {
  return await writeDerived(await readRun(path));
}

/**
 * Writes what people and other programs look at beside `report.json`.
 *
 * @param run the run
 * @returns the path of the page
 * @throws {PartiError} `PARTI_INVALID_FILE` if it cannot be written there
 */
export async function writeDerived({ folder, report, series }: EndedRun): Promise<string> {
  const files: readonly [string, string][] = [
    [PAGE_FILE, await renderPage(report, series)],
    [JUNIT_FILE, junitXml(report)],
    [CHAOS_FILE, chaosCsv(report.chaos)],
    [SAMPLES_FILE, seriesCsv(series)],
  ];
  let unwritten: PartiError | undefined;
  for (const [name, text] of files) {
    const file = `${folder}/${name}`;
    try {
      await Deno.writeTextFile(file, text);
    } catch (cause) {
      if (!isUntouched(cause)) await Deno.remove(file).catch(() => {});
      const why = cause instanceof Error ? cause.message : String(cause);
      // The page is by far the largest: where there is no room for it there may be for the others.
      unwritten ??= new PartiError("PARTI_INVALID_FILE", `cannot write ${file}: ${why}`, {
        value: file,
        hint: "copy the folder to where you may write, and there is room",
        cause,
      });
    }
  }
  if (unwritten !== undefined) throw unwritten;
  return `${folder}/${PAGE_FILE}`;
}

/** Whether what was there is as it was: a file that was written in part is worse than none. */
function isUntouched(error: unknown): boolean {
  const { PermissionDenied, IsADirectory, NotFound } = Deno.errors;
  return [PermissionDenied, IsADirectory, NotFound].some((kind) => error instanceof kind);
}

/**
 * Compares two runs.
 *
 * @param a the folder of the one, or its `report.json`
 * @param b the other's
 * @returns the lines for people
 * @throws {PartiError} `PARTI_NOT_FOUND` or `PARTI_INVALID_FILE` if one of them cannot be read
 */
export async function compareRuns(a: string, b: string): Promise<string[]> {
  const [one, other] = [await readReport(a), await readReport(b)];
  return renderComparison({ name: a, report: one }, { name: b, report: other });
}
