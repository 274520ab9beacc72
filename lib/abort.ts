/**
 * Giving up on a promise.
 *
 * @module
 */
import { PartiError } from "./errors.ts";

/**
 * Waits for a promise or the signal, whichever comes first. The promise itself goes on.
 *
 * @param promise what is waited for
 * @param signal gives up
 * @returns what the promise gives
 * @throws {PartiError} `PARTI_ABORTED` if the signal came first, or what the promise throws
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new PartiError("PARTI_ABORTED", "given up"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Whichever lost the race has nobody waiting for it.
    aborted.catch(() => {});
    promise.catch(() => {});
  }
}

/**
 * Waits for a promise or the signal, whichever comes first, and never rejects.
 *
 * @param promise what is waited for
 * @param signal ends the wait
 * @returns when either has come
 */
export async function settled(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  await unlessAborted(promise, signal).catch(() => {});
}

/**
 * Has a controller fire with the first of some signals. Unlike `AbortSignal.any` this can be ended, and then leaves nothing with signals
 * that last as long as a worker does.
 *
 * @param controller what fires
 * @param signals with what
 * @returns ends it
 */
export function follow(
  controller: AbortController,
  ...signals: readonly AbortSignal[]
): () => void {
  const onAbort = (): void => controller.abort();
  for (const signal of signals) {
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  }
  return () => {
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
  };
}
