/**
 * Waiting, on the real clock: for a while, or until nothing is amiss any more.
 *
 * @module
 */

import { isPartiError, OUTAGE_CODES } from "../../lib/errors.ts";

/** How often somebody who waits looks again, in milliseconds. */
export const POLL_MS = 50;

/** The longest delay `setTimeout` takes; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Waits for a while, however long.
 *
 * @param delayMs how long, in milliseconds; 0 or less is not at all
 * @param signal ends the wait early, without an error
 * @returns when the time has passed or the signal has fired
 */
export function pauseFor(delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted || delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const deadlineMs = performance.now() + delayMs;
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const later = (leftMs: number) => setTimeout(look, Math.min(leftMs, MAX_DELAY_MS));
    const look = () => {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) done();
      else timer = later(leftMs);
    };
    let timer = later(delayMs);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/**
 * Waits for something, or until the signal fires: then nobody waits for it any more.
 *
 * @param work what is waited for
 * @param signal ends the wait early, without an error
 * @returns when it is done or the signal has fired
 * @throws what it rejects with before that
 */
export async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const done = () => aborted.resolve();
  if (signal.aborted) done();
  signal.addEventListener("abort", done, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", done);
  }
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
  signal: AbortSignal | undefined,
  amiss: () => string | undefined | Promise<string | undefined>,
): Promise<string | undefined> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await amiss();
    if (found === undefined || signal?.aborted || performance.now() >= deadlineMs) return found;
    await pauseFor(POLL_MS);
  }
}

/**
 * Tries until nobody is missing who is needed for it: servers and processes are killed on purpose meanwhile.
 *
 * @param isOver when to stop trying
 * @param work what is tried, again if it rejects with an outage
 * @returns true once it has succeeded; false if it was over before
 * @throws what it rejects with that says more than an outage ({@linkcode OUTAGE_CODES})
 */
export async function patiently(
  isOver: () => boolean,
  work: () => Promise<unknown>,
): Promise<boolean> {
  while (!isOver()) {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isPartiError(error, ...OUTAGE_CODES)) throw error;
      await pauseFor(POLL_MS);
    }
  }
  return false;
}
