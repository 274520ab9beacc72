/**
 * A worker as a process of its own, which is killed. It is this program under another command: a compiled one has no files to run.
 *
 * @module
 */
import type { GroupWorkerSpec } from "../../lib/test_support/group_worker.ts";
import { readinessOf } from "../../lib/test_support/worker_program.ts";
import { spawnSelf } from "../../tasks/spawn.ts";

/** The hidden command of the process. */
export const WORKER_COMMAND = "stress-worker";
const PERMISSIONS = ["--allow-net=127.0.0.1", "--allow-read", "--allow-env", "--allow-sys"];

/**
 * Starts one. The caller ends it.
 *
 * @param spec what it is
 * @param patienceMs how long it may take to be ready, in milliseconds
 * @returns the process, and a function that waits until it is ready and fails if it ends instead
 */
export function startWorker(
  spec: GroupWorkerSpec,
  patienceMs: number,
): { readonly child: Deno.ChildProcess; readonly isReady: (name: string) => Promise<void> } {
  const child = spawnSelf([WORKER_COMMAND, JSON.stringify(spec)], {
    permissions: PERMISSIONS,
    env: { NO_COLOR: "1" },
    stdout: "piped",
  });
  return { child, isReady: readinessOf(child, patienceMs) };
}
