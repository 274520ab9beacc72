/**
 * A clock that a test drives by hand. Only tests import this.
 *
 * @module
 */
import type { Clock, Timer } from "../ports/clock.ts";

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** More turns of the microtask queue than any chain of awaits in a unit test needs. */
const TURNS = 200;

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await undefined;
}

/** Time stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  /** @param startMs where the monotonic clock begins, in milliseconds */
  constructor(startMs = 1_000) {
    this.#nowMs = startMs;
  }

  /** How many timers wait. What was closed must leave none. */
  get pendingTimers(): number {
    return this.#waiting.size;
  }

  /** See {@linkcode Clock.monotonicMs}. */
  monotonicMs(): number {
    return this.#nowMs;
  }

  /** See {@linkcode Clock.wallMs}. */
  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  /** See {@linkcode Clock.setTimer}. */
  setTimer(delayMs: number, fire: () => void): Timer {
    const waiting = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fire };
    this.#waiting.add(waiting);
    return { cancel: () => void this.#waiting.delete(waiting) };
  }

  /**
   * Lets time pass: every timer fires when it is due, and what it sets off runs before time goes on.
   *
   * @param durationMs how long, in milliseconds
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#waiting.delete(next);
      next.fire();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /**
   * Time passes while the process is stopped: no timer fires and no promise goes on. Those that are due fire with the next
   * {@linkcode advance}, late and in their order.
   *
   * @param durationMs how long, in milliseconds
   */
  pause(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  #next(endMs: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (waiting.dueMs > endMs) continue;
      const isEarlier = first === undefined || waiting.dueMs < first.dueMs ||
        (waiting.dueMs === first.dueMs && waiting.order < first.order);
      if (isEarlier) first = waiting;
    }
    return first;
  }
}
