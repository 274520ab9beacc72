/**
 * Checkpoints as files: written so that a crash at any moment leaves the one before intact, and read so that a torn or foreign one is
 * told from a good one.
 *
 * A file is two lines of JSON: what it is, with the length and the SHA-256 of the rest; and the rest. It is written beside its name, synced,
 * and renamed: under a checkpoint's name there is never half of one.
 *
 * Its name says when it was made, and ends with a number that is higher than that of all before it: the number says which one is the newest,
 * since a clock may be set back.
 *
 * @module
 */
import { describeError, PartiError } from "../../lib/errors.ts";
import { sha256Hex } from "../../tasks/sha256.ts";

/** What the first line says. */
interface Header {
  readonly format: typeof FORMAT;
  readonly version: number;
  /** The length of the second line, in bytes. */
  readonly bytes: number;
  readonly sha256: string;
}

const FORMAT = "parti-sim-checkpoint";
/** A checkpoint of another version is refused: what is in it means something else. */
const VERSION = 5;
/** The first ones that were ever written had no number. */
const NAME = /^checkpoint_\d{8}_\d{6}_\d{3}(?:_(\d{6,}))?\.json$/;

/** A checkpoint that was read. */
export interface ReadCheckpoint<T> {
  /** Its file. */
  readonly file: string;
  /** What is in it. */
  readonly body: T;
  /** Newer ones that are of no use, each with the reason. */
  readonly refused: readonly string[];
}

/**
 * Writes a checkpoint and removes those that are too old.
 *
 * @param folder where; must exist
 * @param body what is in it
 * @param at when it was made; its name says so
 * @param keep how many are kept
 * @returns its file
 * @throws {PartiError} `PARTI_REFUSED` if it cannot be written; the ones before are as they were then
 */
export async function writeCheckpoint(
  folder: string,
  body: unknown,
  at: Date,
  keep: number,
): Promise<string> {
  const rest = new TextEncoder().encode(`${JSON.stringify(body)}\n`);
  const sha256 = await sha256Hex(rest);
  const header: Header = { format: FORMAT, version: VERSION, bytes: rest.length, sha256 };
  let file = folder;
  try {
    const [newest] = await checkpointsIn(folder);
    file += `/${nameOf(at, newest === undefined ? 1 : numberOf(newest) + 1)}`;
    await writeWhole(file, [new TextEncoder().encode(`${JSON.stringify(header)}\n`), rest]);
    await syncFolder(folder);
    for (const old of (await checkpointsIn(folder)).slice(keep)) {
      await Deno.remove(`${folder}/${old}`);
    }
  } catch (cause) {
    throw new PartiError("PARTI_REFUSED", `cannot write the checkpoint ${file}: ${cause}`, {
      value: file,
      hint: "is the disk full, or the folder gone? The checkpoints before it are intact",
      cause,
    });
  }
  return file;
}

/**
 * Reads the newest checkpoint that is whole.
 *
 * @param folder where they are
 * @returns the checkpoint
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is none
 */
export async function readNewest<T>(folder: string): Promise<ReadCheckpoint<T>> {
  const refused: string[] = [];
  for (const name of await checkpointsIn(folder)) {
    const file = `${folder}/${name}`;
    try {
      return { file, body: await readCheckpoint<T>(file), refused };
    } catch (error) {
      refused.push(describeError(error));
    }
  }
  const why = refused.length === 0 ? "there is none" : `none is usable:\n${refused.join("\n")}`;
  throw new PartiError("PARTI_INVALID_CONFIG", `no checkpoint in ${folder}: ${why}`, {
    value: folder,
    hint:
      "name the folder of a run with --resume <folder>; the first checkpoint is written when the load begins",
  });
}

/**
 * Reads one checkpoint.
 *
 * @param file its file
 * @returns what is in it
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is torn, foreign, or of another version
 */
export async function readCheckpoint<T>(file: string): Promise<T> {
  const text = await Deno.readTextFile(file);
  const end = text.indexOf("\n");
  const header = headerOf(text.slice(0, Math.max(0, end)));
  if (header === undefined) throw useless(file, "it is no checkpoint of this program");
  if (header.version !== VERSION) {
    throw useless(file, `its version is ${header.version}, and this program knows ${VERSION}`);
  }
  const rest = new TextEncoder().encode(text.slice(end + 1));
  if (rest.length !== header.bytes || await sha256Hex(rest) !== header.sha256) {
    throw useless(
      file,
      `it is torn: ${rest.length} of ${header.bytes} bytes, or not the ones that were written`,
    );
  }
  return JSON.parse(text.slice(end + 1));
}

function useless(file: string, why: string): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", `${file} cannot be used: ${why}`, { value: file });
}

function headerOf(line: string): Header | undefined {
  try {
    const header = JSON.parse(line);
    return header?.format === FORMAT ? header : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The checkpoints of a folder.
 *
 * @param folder where they are
 * @returns their names, newest first; none if there is no such folder
 */
export async function checkpointsIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) if (NAME.test(name)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort((a, b) => numberOf(b) - numberOf(a) || (a < b ? 1 : -1));
}

function numberOf(name: string): number {
  return Number(NAME.exec(name)?.[1] ?? 0);
}

/** As the seeds name them, to the millisecond, and with its number. */
function nameOf(at: Date, number: number): string {
  const [day, time] = at.toISOString().replaceAll(/[-:]/g, "").split("T") as [string, string];
  const digits = String(number).padStart(6, "0");
  return `checkpoint_${day}_${time.slice(0, 6)}_${time.slice(7, 10)}_${digits}.json`;
}

/** All of it under its name, or nothing: half of one would take what room there is from all that comes after it. */
async function writeWhole(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const part = `${file}.part`;
  try {
    await writeSynced(part, parts);
    await Deno.rename(part, file);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error;
  }
}

async function writeSynced(file: string, parts: readonly Uint8Array[]): Promise<void> {
  using open = await Deno.open(file, { write: true, create: true, truncate: true });
  for (const part of parts) {
    for (let written = 0; written < part.length;) {
      written += await open.write(part.subarray(written));
    }
  }
  await open.sync();
}

/** A renamed file is there after a power failure only if its folder is synced, too. */
async function syncFolder(folder: string): Promise<void> {
  using open = await Deno.open(folder, { read: true });
  await open.sync();
}
