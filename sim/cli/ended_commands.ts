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
    ["report.junit.xml", junitXml(report)],
    ["chaos.csv", chaosCsv(report.chaos)],
    ["series.csv", seriesCsv(series)],
  ];
  for (const [name, text] of files) {
    const file = `${folder}/${name}`;
    try {
      await Deno.writeTextFile(file, text);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PartiError("PARTI_INVALID_FILE", `cannot write ${file}: ${why}`, {
        value: file,
        hint: "copy the folder to where you may write, and there is room",
        cause,
      });
    }
  }
  return `${folder}/${PAGE_FILE}`;
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
