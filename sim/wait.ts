/**
 * Waiting, on the real clock: for a while, or until nothing is amiss any more.
 *
 * @module
 */

/** How often somebody who waits looks again, in milliseconds. */
export const POLL_MS = 50;

/**
 * Waits for a while.
 *
 * @param delayMs how long, in milliseconds; 0 or less is not at all
 * @param signal ends the wait early, without an error
 * @returns when the time has passed or the signal has fired
 */
export function pauseFor(delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted || delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/**
 * Waits until nothing is amiss.
 *
 * @param timeoutMs how long at most, in milliseconds
 * @param signal ends the wait early
 * @param amiss says what still is; undefined for nothing
 * @returns what still is amiss after that time, or when the signal has fired; undefined if nothing is
 */
export async function untilFine(
  timeoutMs: number,
  signal: AbortSignal,
  amiss: () => string | undefined,
): Promise<string | undefined> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = amiss();
    if (found === undefined || signal.aborted || performance.now() >= deadlineMs) return found;
    await pauseFor(POLL_MS);
  }
}
