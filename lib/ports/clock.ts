/**
 * Time, as the library sees it. The real one is in `nats/`; the simulated one jumps.
 *
 * @module
 */

/** A pending timer. */
export interface Timer {
  /** Cancels the timer; harmless if it has fired. */
  cancel(): void;
}

/** The only source of time in `lib/`. */
export interface Clock {
  /** Milliseconds on a clock that never goes back and goes on during a pause of the process. Leases live on it. */
  monotonicMs(): number;
  /** Milliseconds since 1970. For people and reports only: nothing is decided by it. */
  wallMs(): number;
  /**
   * Calls `fire` once, not before `delayMs` have passed.
   *
   * @param delayMs the delay in milliseconds, ≥ 0
   * @param fire what to call
   */
  setTimer(delayMs: number, fire: () => void): Timer;
}

/**
 * Waits.
 *
 * @param clock the clock to wait on
 * @param delayMs how long, in milliseconds
 * @param signal ends the wait early, without an error; the caller looks at `signal.aborted`
 * @returns when the time has passed or the signal has fired
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimer(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
