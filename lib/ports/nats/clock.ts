/**
 * The real clock.
 *
 * @module
 */
import type { Clock, Timer } from "../clock.ts";

/** The longest delay `setTimeout` takes; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Time as this process sees it. `performance.now()` never goes back, and on Linux it goes on while the process is stopped
 * (SIGSTOP), so a lease that ran out meanwhile is seen as run out.
 */
export const systemClock: Clock = {
  monotonicMs: (): number => performance.now(),
  wallMs: (): number => Date.now(),
  setTimer(delayMs: number, fire: () => void): Timer {
    const id = setTimeout(fire, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return { cancel: () => clearTimeout(id) };
  },
};
