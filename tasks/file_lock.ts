/**
 * A lock between processes. The kernel holds it for an open file, so it ends with its process, however that ends:
 * there is no stale lock to break.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";

/** How to wait for a lock. */
export interface FileLockOptions {
  /** Called once if somebody else holds it. */
  readonly onWait?: () => void;
  /** When to give up. */
  readonly timeoutMs?: number;
}

const pollMs = 50;
const defaultTimeoutMs = 600_000;

/**
 * Does some work while holding a lock.
 *
 * @param path the file that stands for the lock; it stays
 * @param work the work
 * @param options how to wait
 * @returns what the work returns
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: FileLockOptions = {},
): Promise<T> {
  using file = await Deno.open(path, { create: true, write: true });
  if (!await file.tryLock(true)) {
    options.onWait?.();
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const deadline = performance.now() + timeoutMs;
    while (!await file.tryLock(true)) {
      if (performance.now() > deadline) {
        throw new PartiError("PARTI_TIMEOUT", `${path} was locked for more than ${timeoutMs} ms`, {
          hint: "another process holds it; stop that process",
        });
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
  return await work();
}
