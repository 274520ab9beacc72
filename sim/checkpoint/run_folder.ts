/**
 * The folder in which a run keeps what it needs to go on: its checkpoints, and the store of its server.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { checkpointsIn } from "./checkpoint_file.ts";

/**
 * The run that is meant by a folder: itself, or the last one in it that has written a checkpoint. Runs know nothing of each other: which was
 * the last one is what the clock said when they wrote.
 *
 * @param folder a run's folder, or the one that all runs have theirs in
 * @returns the run's folder
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if there is none
 */
export async function findRunFolder(folder: string): Promise<string> {
  if ((await checkpointsIn(folder)).length > 0) return folder;
  let found: { readonly path: string; readonly name: string } | undefined;
  for (const path of await foldersIn(folder)) {
    const [name] = await checkpointsIn(path);
    if (name !== undefined && (found === undefined || name > found.name)) found = { path, name };
  }
  if (found !== undefined) return found.path;
  throw new PartiError("PARTI_INVALID_CONFIG", `no checkpoint in ${folder}, or in a folder of it`, {
    value: folder,
    hint:
      "name another one with --resume <folder>; runs write checkpoints with checkpointing.enabled, the first one when " +
      "the load begins",
  });
}

async function foldersIn(folder: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) paths.push(`${folder}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return paths;
}

/**
 * Where servers of a run's own keep their streams.
 *
 * @param folder the run's folder
 */
export function storeIn(folder: string): string {
  return `${folder}/store`;
}

/**
 * Takes a run's folder for this process. The kernel gives it back however the process ends.
 *
 * @param folder the run's folder; must exist
 * @returns gives it back
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if another process has it
 */
export async function takeRunFolder(folder: string): Promise<Disposable> {
  const file = await Deno.open(`${folder}/lock`, { create: true, write: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new PartiError("PARTI_INVALID_CONFIG", `the run in ${folder} is still going on`, {
    value: folder,
    hint: "a run can be resumed once its process has ended",
  });
}

/** How long a process may take that has been killed, or ends with its parent. */
const GONE_MS = 10_000;
const POLL_MS = 20;

/**
 * Waits until a process is gone: a server of ours ends a moment after the run that started it.
 *
 * @param pid the process
 */
export async function untilGone(pid: number): Promise<void> {
  const deadlineMs = performance.now() + GONE_MS;
  while (isThere(pid) && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function isThere(pid: number): boolean {
  try {
    // Harms nobody, should the number belong to another process by now.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}
