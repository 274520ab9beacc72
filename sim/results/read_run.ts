/**
 * Reads what a run has left in its folder. What is not there, is torn or belongs to something else is told in one sentence, with what to do.
 *
 * @module
 */
import { type GenericSchema, safeParse } from "valibot";
import { pathOf } from "../../lib/config/schema_objects.ts";
import { PartiError } from "../../lib/errors.ts";
import { REPORT_FILE, type SimReport } from "../report/report.ts";
import { type Series, SERIES_FILE } from "../series/series.ts";
import { reportSchema, seriesSchema } from "./report_schema.ts";

/** A run that has ended. */
export interface EndedRun {
  /** Its folder. */
  readonly folder: string;
  /** Its result. */
  readonly report: SimReport;
  /** How it went over time. */
  readonly series: Series;
}

const NAME_A_FOLDER = "name a folder that `parti sim` has written, such as out/sim-42-1a2b3c4d";
const RUN_AGAIN = "have the run again; what is left of it cannot be shown";

/**
 * Reads a run.
 *
 * @param path its folder, or the `report.json` in it
 * @returns the run
 * @throws {PartiError} `PARTI_NOT_FOUND` if something is missing, `PARTI_INVALID_FILE` if it cannot be what it should be
 */
export async function readRun(path: string): Promise<EndedRun> {
  const { folder, file } = await locate(path);
  const report = await readReport(file);
  const seriesFile = `${folder}/${SERIES_FILE}`;
  const series = await readAs<Series>(seriesFile, seriesSchema, {
    what: "the series of a simulation",
    missing: "runs of older versions have none; have the run again with this one",
  });
  if (series.runId === report.runId) return { folder, report, series };
  const runs = `${seriesFile} belongs to the run ${series.runId}, ${file} to ${report.runId}`;
  throw new PartiError("PARTI_INVALID_FILE", runs, {
    value: series.runId,
    hint: "put the files of one run into one folder",
  });
}

/**
 * Reads only the result of a run.
 *
 * @param path its folder, or its `report.json`
 * @returns the report
 * @throws {PartiError} as {@linkcode readRun} does
 */
export async function readReport(path: string): Promise<SimReport> {
  const { file } = await locate(path);
  return await readAs<SimReport>(file, reportSchema, {
    what: "the report of a simulation",
    missing: "the run has not ended, or not come to a result; " + NAME_A_FOLDER,
  });
}

async function locate(path: string): Promise<{ folder: string; file: string }> {
  const shown = path.replace(/(?<=.)\/+$/, "");
  try {
    const { isDirectory } = await Deno.stat(shown);
    if (isDirectory) return { folder: shown, file: `${shown}/${REPORT_FILE}` };
  } catch (cause) {
    throw unreadable(path, cause, NAME_A_FOLDER);
  }
  const slash = shown.lastIndexOf("/");
  return { folder: slash < 0 ? "." : shown.slice(0, slash) || "/", file: shown };
}

interface Wanted {
  /** What the file should be. */
  readonly what: string;
  /** What to do if it is not there. */
  readonly missing: string;
}

async function readAs<T>(
  file: string,
  schema: GenericSchema,
  { what, missing }: Wanted,
): Promise<T> {
  let text;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    throw unreadable(file, cause, missing);
  }
  const value = parseJson(file, text, what);
  const { issues } = safeParse(schema, value);
  if (issues === undefined) return value as T;
  const path = pathOf(issues[0]);
  const where = path.length === 0 ? "" : `${path.join(".")}: `;
  const why = `${where}${issues[0].message}`;
  throw new PartiError("PARTI_INVALID_FILE", `${file} is not ${what}: ${why}`, {
    value: file,
    hint: NAME_A_FOLDER + "; what an older or newer version has written may need that version",
  });
}

function parseJson(file: string, text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Whoever was interrupted has written the beginning.
    const torn = text.trim() === "" || /^\s*\{\s*"/.test(text);
    throw new PartiError(
      "PARTI_INVALID_FILE",
      torn ? `${file} is torn: it ends or breaks in the middle` : `${file} is not ${what}: no JSON`,
      { value: file, hint: torn ? RUN_AGAIN : NAME_A_FOLDER, cause },
    );
  }
}

function unreadable(path: string, cause: unknown, hint: string): PartiError {
  if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
    const shown = path === "" ? '""' : path;
    return new PartiError("PARTI_NOT_FOUND", `there is no ${shown}`, { value: path, hint, cause });
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PartiError("PARTI_INVALID_FILE", `cannot read ${path}: ${why}`, {
    value: path,
    hint,
    cause,
  });
}
