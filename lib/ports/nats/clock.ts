/**
 * The real clock.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { TimerHeap } from "./timer_heap.ts";

const timers = new TimerHeap();

/**
 * Time as this process sees it. `performance.now()` never goes back, and on Linux it goes on while the process is stopped
 * (SIGSTOP), so a lease that ran out meanwhile is seen as run out.
 */
export const systemClock: Clock = {
  monotonicMs: (): number => performance.now(),
  wallMs: (): number => Date.now(),
  setTimer: (delayMs, fire) => timers.add(delayMs, fire),
};

/**
 * How many timers of {@linkcode systemClock} are pending. Behind all of them there is one of the runtime's.
 *
 * @returns how many
 */
export function pendingTimers(): number {
  return timers.size;
}
