/**
 * Results in files: written so that there is never half of one, and read again with suspicion.
 *
 * @module
 */
import * as v from "valibot";
import { pathOf } from "../../lib/config/schema_objects.ts";
import { PartiError } from "../../lib/errors.ts";
import { exitCodes, withExitCode } from "../../tasks/exit_codes.ts";
import { RESULT_FILE, RESULT_FORMAT, RESULT_VERSION, type StressResult } from "./result.ts";

/** Where results go unless told otherwise. */
export const DEFAULT_OUT = "out/stress";

const text = v.string();
const count = v.pipe(v.number(), v.finite());
const maybe = v.nullable(count);
const some = v.pipe(v.array(count), v.minLength(1));
const spread = { values: some, count, median: count, min: count, max: count };

const metric = v.looseObject({
  ...{ name: text, unit: text, what: text, ...spread },
  kind: v.picklist(["memory", "duration", "rate", "count"]),
  better: v.picklist(["lower", "higher", "neither"]),
  base: v.optional(some),
  ratio: v.optional(v.looseObject(spread)),
});

const schema = v.looseObject({
  format: v.literal(RESULT_FORMAT),
  version: v.literal(RESULT_VERSION),
  ...{ startedAt: text, durationMs: count, seed: count, quick: v.boolean(), commit: text },
  fault: v.nullable(text),
  arguments: v.array(text),
  machine: v.looseObject({
    ...{ cpuModel: text, cpus: count, memoryBytes: count, platform: text, denoVersion: text },
    natsServerVersion: text,
  }),
  load: v.looseObject({ cpus: count }),
  cases: v.array(v.looseObject({
    ...{ id: text, title: text, metrics: v.array(metric) },
    problems: v.array(text),
    failures: v.array(text),
    loadAverages: v.array(count),
    series: v.array(v.looseObject({ atSeconds: v.array(count), values: v.array(maybe) })),
  })),
  studies: v.array(
    v.looseObject({ id: text, title: text, xs: v.array(count), ys: v.array(count) }),
  ),
  verdict: v.picklist(["pass", "fail", "unknown"]),
  reasons: v.array(text),
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
  const { issues } = v.safeParse(schema, value);
  if (issues === undefined) return value as StressResult;
  const [first] = issues;
  throw new PartiError(
    "PARTI_INVALID_FILE",
    `${file} is no result of the stress suite: ${pathOf(first).join(".")}: ${first.message}`,
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
 * Makes the folder of a run, and sees to it that its files can be written there in the end.
 *
 * @param folder the folder
 * @param names the names of the files
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it cannot be used
 */
export async function makeOutput(folder: string, names: readonly string[]): Promise<void> {
  await makeFolder(folder, "--out");
  for (const name of names) {
    const file = `${folder}/${name}`;
    const isFolder = await Deno.stat(file).then(({ isDirectory }) => isDirectory, () => false);
    if (!isFolder) continue;
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot write ${file}: it is a folder`, {
      ...{ value: file, hint: "remove it, or name another folder with --out" },
    });
  }
}

/** Who holds it is the only one that writes into its folder. */
export const LOCK_FILE = "stress.lock";

/**
 * Takes the folder of a run for this process: two at once would write over each other's results. The kernel gives it back however the
 * process ends.
 *
 * @param folder the folder; must exist
 * @returns gives it back
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if another process has it
 */
export async function takeOutput(folder: string): Promise<Disposable> {
  const file = await Deno.open(`${folder}/${LOCK_FILE}`, { create: true, write: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new PartiError("PARTI_INVALID_CONFIG", `another run writes to ${folder}`, {
    ...{ value: folder, hint: "wait until it has ended, or name another folder with --out" },
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
 * @throws {PartiError} `PARTI_REFUSED` if it cannot be written
 */
export async function writeResult(file: string, result: StressResult): Promise<void> {
  await writeWhole(file, JSON.stringify(result, null, 2) + "\n");
}

/**
 * Writes a file beside its name and renames it: whoever reads it, and whatever happens, it is the one of before or the new one.
 *
 * @param file where
 * @param text what
 * @throws {PartiError} `PARTI_REFUSED` if it cannot be written; what was there before is as it was
 */
export async function writeWhole(file: string, text: string): Promise<void> {
  const part = `${file}.part`;
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, file);
  } catch (cause) {
    // Whether there is half a file to remove or none: what went wrong before is what counts.
    await Deno.remove(part).catch(() => {});
    const error = new PartiError("PARTI_REFUSED", `cannot write ${file}: ${cause}`, {
      ...{ value: file, cause },
      hint: "is the disk full, or something else of that name there?",
    });
    // It was measured, and is no mistake of who called.
    throw withExitCode(error, exitCodes.unknown);
  }
}
