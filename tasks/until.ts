/**
 * Waits for a condition, for tests and launchers that look at another process and are not told.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";

const pollMs = 5;
const defaultTimeoutMs = 10_000;

/**
 * Waits until something is true.
 *
 * @param what it, in words
 * @param condition tells whether it is true
 * @param timeoutMs when to give up
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = defaultTimeoutMs,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new PartiError("PARTI_TIMEOUT", `not within ${timeoutMs} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
