/**
 * Calls that are given up after a while.
 *
 * @module
 */
import type { Clock } from "../../ports/clock.ts";

/** What gives a call up. */
export interface Cancelling {
  /** Fires when the call is given up; undefined if it never is. */
  readonly signal: AbortSignal | undefined;
  /** The call has its outcome. */
  readonly end: () => void;
}

const NEVER: Cancelling = { signal: undefined, end: () => {} };

/**
 * Gives a call up after a while.
 *
 * @param clock the time of its caller
 * @param afterMs how long, in milliseconds; undefined if never
 * @returns the signal, and what ends it
 */
export function cancelAfter(clock: Clock, afterMs: number | undefined): Cancelling {
  if (afterMs === undefined) return NEVER;
  const cancel = new AbortController();
  const timer = clock.setTimer(afterMs, () => cancel.abort());
  return { signal: cancel.signal, end: () => timer.cancel() };
}
