/**
 * The bounds of a run: virtual time, events in all, and events while no time passes.
 *
 * @module
 */
import type { FailureKind } from "./failure.ts";

/** Bounds of a run. */
export interface KernelLimits {
  /** Virtual time, in milliseconds. */
  readonly virtualMs: number;
  /** Events in all. */
  readonly events: number;
  /** Events within {@linkcode INSTANT_MS}: more is a loop that never waits. */
  readonly eventsPerInstant: number;
}

/** The bounds unless told otherwise: an hour of virtual time. */
export const DEFAULT_LIMITS: KernelLimits = {
  virtualMs: 3_600_000,
  events: 20_000_000,
  eventsPerInstant: 100_000,
};

/**
 * How long an instant is for the detector of livelocks, in milliseconds. More than 0, for a loop that sleeps for 0 ms moves the time on by
 * what keeps timers from being early, and would otherwise never be caught.
 */
export const INSTANT_MS = 1;

/** A bound that was reached. */
export interface Breach {
  /** What kind of failure it is. */
  readonly kind: FailureKind;
  /** Which bound. */
  readonly check: string;
  /** What was seen. */
  readonly message: string;
}

/** Watches the bounds of one run. */
export class Bounds {
  readonly #limits: KernelLimits;
  #instantMs = 0;
  #inInstant = 0;

  /** @param limits those that differ from {@linkcode DEFAULT_LIMITS} */
  constructor(limits: Partial<KernelLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /**
   * Looks whether one more event may happen.
   *
   * @param atMs when it would, in virtual milliseconds
   * @param fired how many have happened
   * @returns the bound that it would break; undefined if it may happen
   */
  check(atMs: number, fired: number): Breach | undefined {
    const { virtualMs, events, eventsPerInstant } = this.#limits;
    if (atMs >= this.#instantMs + INSTANT_MS) {
      this.#instantMs = atMs;
      this.#inInstant = 0;
    }
    if (++this.#inInstant > eventsPerInstant) {
      const message = `${eventsPerInstant} events and no time has passed`;
      return { kind: "livelock", check: "livelock", message };
    }
    if (atMs > virtualMs) {
      return { kind: "budget", check: "virtual time", message: `more than ${virtualMs} ms` };
    }
    if (fired >= events) {
      return { kind: "budget", check: "events", message: `more than ${events}` };
    }
    return undefined;
  }
}
