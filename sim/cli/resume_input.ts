/**
 * The input of `parti sim --resume`: a run as its last checkpoint has it.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { readNewest } from "../checkpoint/checkpoint_file.ts";
import { findRunFolder, takeRunFolder, untilGone } from "../checkpoint/run_folder.ts";
import type { RunCheckpoint } from "../coordinator/run_checkpoint.ts";
import type { SimCommandOptions } from "./sim_command.ts";

/** Where runs have their checkpoints if nobody says otherwise. */
const FOLDER = "./checkpoints";

/** A run that is to go on; disposed of, its folder is free again. */
export interface ResumeInput extends Disposable {
  /** The run's folder. */
  readonly folder: string;
  /** The checkpoint's file. */
  readonly file: string;
  /** The run as it was. */
  readonly saved: RunCheckpoint;
  /** What is worth saying: newer checkpoints that are of no use. */
  readonly notes: readonly string[];
}

/**
 * Finds the run and reads it.
 *
 * @param options the options as they were given
 * @returns the run
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is none, it is still going on, or options are given that would make it another run
 */
export async function resumeInput(options: SimCommandOptions): Promise<ResumeInput> {
  refuseOthers(options);
  const asked = typeof options.resume === "string" ? options.resume : FOLDER;
  const folder = await findRunFolder(asked);
  const lock = await takeRunFolder(folder);
  try {
    const { file, body: saved, refused } = await readNewest<RunCheckpoint>(folder);
    await Promise.all(saved.serverPids.map((pid) => untilGone(pid)));
    const notes = refused.map((why) => `${why}; the one before it is used`);
    return { folder, file, saved, notes, [Symbol.dispose]: () => lock[Symbol.dispose]() };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** A run goes on as it was: whatever else is asked for would make it another one. */
function refuseOthers(options: SimCommandOptions): void {
  const { config, mode, duration, seed, out, natsUrl, dryRun, fault, set } = options;
  const given = Object.entries({ config, mode, duration, seed, out, natsUrl, dryRun, fault })
    .filter(([, value]) => value !== undefined).map(([name]) => name);
  if (set.length > 0) given.push("set");
  const [first] = given;
  if (first === undefined) return;
  const option = `--${first.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new PartiError("PARTI_INVALID_CONFIG", `--resume cannot be used together with ${option}`, {
    value: option,
    hint:
      "a run goes on with the configuration, the seed and the folder that it has had from the beginning",
  });
}
