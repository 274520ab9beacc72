/**
 * Whether this machine's clock is set while a run goes on. A process reads it once, when it starts, and counts from there; so processes
 * that were started before and after that differ by as much, for good.
 *
 * @module
 */

/** What is set by less than this is how exactly the two clocks can be compared. */
const LEAST_STEP_MS = 5;
/** Readings that took longer than this were interrupted, and say nothing. */
const MAX_READING_MS = 1;

/** The clocks of this machine, in milliseconds. */
export interface Clocks {
  /** What is never set. */
  readonly steadyMs: () => number;
  /** The time of day. */
  readonly wallMs: () => number;
}

/** Watches the clock. */
export class ClockWatch {
  readonly #clocks: Clocks;
  #offsetMs: number | undefined;

  /** @param clocks the clocks of this machine */
  constructor(
    clocks: Clocks = { steadyMs: () => performance.now(), wallMs: () => Date.now() },
  ) {
    this.#clocks = clocks;
  }

  /**
   * Looks at it; to be called now and then.
   *
   * @returns by how many milliseconds it was set since the last look; 0 if it was not, or if that cannot be told
   */
  look(): number {
    const { steadyMs, wallMs } = this.#clocks;
    const beforeMs = steadyMs();
    const atMs = wallMs();
    if (steadyMs() - beforeMs > MAX_READING_MS) return 0;
    const offsetMs = atMs - beforeMs;
    this.#offsetMs ??= offsetMs;
    const stepMs = offsetMs - this.#offsetMs;
    if (Math.abs(stepMs) < LEAST_STEP_MS) return 0;
    this.#offsetMs = offsetMs;
    return Math.round(stepMs);
  }
}
