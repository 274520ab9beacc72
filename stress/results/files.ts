/**
 * Results in files: written, and read again with suspicion.
 *
 * @module
 */
import { z } from "zod";
import { PartiError } from "../../lib/errors.ts";
import { loadText, wasOverloaded } from "./load_bound.ts";
import { RESULT_FILE, RESULT_FORMAT, RESULT_VERSION, type StressResult } from "./result.ts";

/** Where results go unless told otherwise. */
export const DEFAULT_OUT = "out/stress";
/** Where baselines are. */
export const BASELINE_FOLDER = "stress/baselines";

const text = z.string();
const count = z.number();
const maybe = z.number().nullable();
const spread = { values: z.array(count).min(1), count, median: count, min: count, max: count };

const metric = z.looseObject({
  ...{ name: text, unit: text, what: text, ...spread },
  kind: z.enum(["memory", "duration", "rate", "count"]),
  better: z.enum(["lower", "higher", "neither"]),
  base: z.array(count).min(1).optional(),
  ratio: z.looseObject(spread).optional(),
});

const schema = z.looseObject({
  format: z.literal(RESULT_FORMAT),
  version: z.literal(RESULT_VERSION),
  ...{ startedAt: text, durationMs: count, seed: count, quick: z.boolean(), commit: text },
  fault: text.nullable(),
  arguments: z.array(text),
  machine: z.looseObject({
    ...{ cpuModel: text, cpus: count, memoryBytes: count, platform: text, denoVersion: text },
    natsServerVersion: text,
  }),
  load: z.looseObject({ cpus: count, loadAverageHighest: count }),
  cases: z.array(z.looseObject({
    ...{ id: text, title: text, metrics: z.array(metric) },
    problems: z.array(text),
    failures: z.array(text),
    series: z.array(z.looseObject({ atSeconds: z.array(count), values: z.array(maybe) })),
  })),
  studies: z.array(
    z.looseObject({ id: text, title: text, xs: z.array(count), ys: z.array(count) }),
  ),
  verdict: z.enum(["pass", "fail", "unknown"]),
  reasons: z.array(text),
});

const RUN_FIRST = "`deno task stress` writes one; name its folder, or the file itself";

/**
 * Reads a result.
 *
 * @param path the folder of a run, or a file
 * @returns the result
 * @throws {PartiError} `PARTI_NOT_FOUND` if there is none, `PARTI_INVALID_FILE` if it is something else
 */
export async function readResult(path: string): Promise<StressResult> {
  const file = await locate(path);
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(file));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) throw notFound(file, cause);
    const why = cause instanceof SyntaxError ? "no JSON, or torn" : String(cause);
    throw new PartiError("PARTI_INVALID_FILE", `cannot read ${file}: ${why}`, {
      ...{ value: file, hint: RUN_FIRST, cause },
    });
  }
  const { error } = schema.safeParse(value);
  if (error === undefined) return value as StressResult;
  const { path: where, message } = error.issues[0]!;
  throw new PartiError(
    "PARTI_INVALID_FILE",
    `${file} is no result of the stress suite: ${where.join(".")}: ${message}`,
    { value: file, hint: RUN_FIRST },
  );
}

async function locate(path: string): Promise<string> {
  try {
    const { isDirectory } = await Deno.stat(path);
    return isDirectory ? `${path.replace(/(?<=.)\/+$/, "")}/${RESULT_FILE}` : path;
  } catch (cause) {
    throw notFound(path, cause);
  }
}

function notFound(path: string, cause: unknown): PartiError {
  return new PartiError("PARTI_NOT_FOUND", `there is no ${path}`, {
    ...{ value: path, hint: RUN_FIRST, cause },
  });
}

/**
 * Makes a folder that can be written to.
 *
 * @param folder the folder
 * @param option how to name another one
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it cannot be used
 */
export async function makeFolder(folder: string, option: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    // Whether it can be written to shows by writing.
    await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: ".parti-" }));
  } catch (cause) {
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot use the folder ${folder}: ${cause}`, {
      ...{ value: folder, hint: `name another one with ${option}`, cause },
    });
  }
}

/**
 * Writes a result.
 *
 * @param file where
 * @param result the result
 */
export async function writeResult(file: string, result: StressResult): Promise<void> {
  await Deno.writeTextFile(file, JSON.stringify(result, null, 2) + "\n");
}

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
  const unfit = result.fault !== null
    ? `it has the planted defect ${result.fault}`
    : result.quick
    ? "it is only a sanity check"
    : result.cases.some(({ failures }) => failures.length > 0)
    ? "something in it could not be measured"
    : undefined;
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
  const file = `${folder}/${name}.json`;
  await writeResult(file, {
    ...result,
    cases: result.cases.map((one) => ({ ...one, series: [] })),
  });
  return file;
}

/** Why a result should not be what others are held against, though it is whole. */
function doubtOf({ cases, load }: StressResult): string | undefined {
  const wrong = cases.find(({ problems }) => problems.length > 0);
  if (wrong !== undefined) return `${wrong.id}: ${wrong.problems[0]}`;
  return wasOverloaded(load) ? `it was measured with ${loadText(load)}` : undefined;
}

/**
 * A name for a baseline: the machine's.
 *
 * @param result a result of that machine
 * @returns such as `intel-xeon-2cpu-8gb`
 */
export function baselineName({ machine }: Pick<StressResult, "machine">): string {
  const { cpuModel, cpus, memoryBytes } = machine;
  const model = cpuModel.toLowerCase().replaceAll(/\([^)]*\)|cpu|processor/g, " ").trim()
    .replaceAll(/[^a-z0-9.]+/g, "-").replace(/^-|-$/g, "");
  return `${model || "machine"}-${cpus}cpu-${Math.round(memoryBytes / 1_024 ** 3)}gb`;
}
