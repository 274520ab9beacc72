/**
 * The clock of a process: it may go too fast, too slow, or jump on the wall, and its timers go by it.
 *
 * @module
 */
import type { Clock, Timer } from "../../ports/clock.ts";

/** How a node's clocks go. */
export interface ClockShape {
  /** How fast the monotonic clock goes, as a factor: 1.0001 gains 0.1 ms per second. */
  readonly rate: number;
  /** How far the wall clock is off, in milliseconds. The rate is no matter to it, as it is set by the network now and then. */
  readonly wallOffsetMs: number;
}

/** A clock that goes right. */
export const TRUE_CLOCK: ClockShape = { rate: 1, wallOffsetMs: 0 };

/** 2026-01-01, so that times in a trace look like times. */
const WALL_START_MS = 1_767_225_600_000;

/** No timer may fire before its time, not even by a rounding error. */
const ROUNDING_MS = 1e-6;

/** What a clock needs of its process. */
export interface ClockHost {
  /** True time, in virtual milliseconds. */
  readonly nowMs: () => number;
  /** Schedules an event of the process in true time. */
  readonly schedule: (delayMs: number, label: string, fire: () => void) => Timer;
  /** Whether the process may have an effect; one that is dead may not, and its wish is counted. */
  readonly mayAct: (effect: string) => boolean;
}

/** A timer that a dead process has set. */
const NEVER: Timer = { cancel: () => {} };

/** A clock. */
export class DriftingClock implements Clock {
  readonly #host: ClockHost;
  readonly #timers = new Set<ClockTimer>();
  #shape: ClockShape;
  #sinceMs: number;
  #monotonicMs: number;

  /**
   * @param host the process
   * @param shape how it goes
   * @param monotonicMs what the monotonic clock shows at first
   */
  constructor(host: ClockHost, shape: ClockShape, monotonicMs: number) {
    this.#host = host;
    this.#shape = shape;
    this.#sinceMs = host.nowMs();
    this.#monotonicMs = monotonicMs;
  }

  /** How many timers wait. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** See {@linkcode Clock.monotonicMs}. */
  monotonicMs(): number {
    return this.#monotonicMs + (this.#host.nowMs() - this.#sinceMs) * this.#shape.rate;
  }

  /** See {@linkcode Clock.wallMs}. */
  wallMs(): number {
    return WALL_START_MS + this.#host.nowMs() + this.#shape.wallOffsetMs;
  }

  /** See {@linkcode Clock.setTimer}. */
  setTimer(delayMs: number, fire: () => void): Timer {
    if (!this.#host.mayAct("set a timer")) return NEVER;
    const timer = new ClockTimer(this.monotonicMs() + Math.max(0, delayMs), fire, this.#timers);
    this.#timers.add(timer);
    this.#schedule(timer);
    return timer;
  }

  /**
   * Changes how it goes from now on. The monotonic clock never jumps, and never goes back; timers that wait are due when it shows their
   * time, sooner or later than they would have been.
   *
   * @param shape how it goes
   */
  setShape(shape: ClockShape): void {
    this.#monotonicMs = this.monotonicMs();
    this.#sinceMs = this.#host.nowMs();
    this.#shape = shape;
    for (const timer of this.#timers) {
      timer.event?.cancel();
      this.#schedule(timer);
    }
  }

  /** Cancels every timer: the process is no more. */
  stop(): void {
    for (const timer of [...this.#timers]) timer.cancel();
  }

  #schedule(timer: ClockTimer): void {
    const leftMs = Math.max(0, timer.dueMs - this.monotonicMs());
    timer.event = this.#host.schedule(leftMs / this.#shape.rate + ROUNDING_MS, "timer", timer.run);
  }
}

class ClockTimer implements Timer {
  readonly dueMs: number;
  readonly run: () => void;
  readonly #pending: Set<ClockTimer>;
  event: Timer | undefined = undefined;

  constructor(dueMs: number, fire: () => void, pending: Set<ClockTimer>) {
    this.dueMs = dueMs;
    this.#pending = pending;
    this.run = () => {
      // A timer that was cancelled while its process was paused is not pending any more.
      if (pending.delete(this)) fire();
    };
  }

  cancel(): void {
    if (this.#pending.delete(this)) this.event?.cancel();
  }
}
