/**
 * The calls of one connection that wait for an answer. Each ends once: by the answer, by its timeout, or with the connection.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";

/** A call that waits. */
export interface OpenCall<T> {
  /** What the caller waits for. */
  readonly promise: Promise<T>;
  /** The answer has arrived: ends the call with what it returns or throws. Does nothing where the call has ended. */
  readonly settle: (outcome: () => T) => void;
}

interface Waiting {
  readonly label: string;
  readonly reject: (error: PartiError) => void;
}

/** Calls that wait. */
export class Calls {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();

  /** @param clock the caller's, for timeouts */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get count(): number {
    return this.#waiting.size;
  }

  /**
   * Begins to wait.
   *
   * @param label what is asked
   * @param timeoutMs how long to wait, in milliseconds; then it ends with `PARTI_TIMEOUT`
   * @returns the call
   */
  open<T>(label: string, timeoutMs: number): OpenCall<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = this.#clock.setTimer(timeoutMs, () => {
      if (!this.#waiting.delete(waiting)) return;
      reject(new PartiError("PARTI_TIMEOUT", `${label}: no answer within ${timeoutMs} ms`));
    });
    const waiting: Waiting = {
      label,
      // A rejection from a cut must not leave the timer behind.
      reject: (error) => {
        timer.cancel();
        reject(error);
      },
    };
    this.#waiting.add(waiting);
    const settle = (outcome: () => T): void => {
      if (!this.#waiting.delete(waiting)) return;
      timer.cancel();
      try {
        resolve(outcome());
      } catch (error) {
        reject(error);
      }
    };
    return { promise, settle };
  }

  /** The connection went: whether a call was carried out is known of none. */
  failAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { label, reject } of waiting) {
      reject(new PartiError("PARTI_TIMEOUT", `${label}: the connection went before the answer`));
    }
  }
}
