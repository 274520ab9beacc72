/**
 * A distribution as Prometheus counts it: how many values are at most each of some bounds.
 *
 * @module
 */
import type { Distribution } from "./family.ts";

/** Counts values. */
export class Buckets {
  readonly #bounds: readonly number[];
  readonly #within: number[];
  #count = 0;
  #sum = 0;

  /** @param bounds the upper bounds, rising */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#within = new Array<number>(bounds.length).fill(0);
  }

  /**
   * Adds a value.
   *
   * @param value the value
   */
  add(value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index >= 0) this.#within[index]!++;
    this.#count++;
    this.#sum += value;
  }

  /** What was added so far. */
  get distribution(): Distribution {
    let total = 0;
    const counts = this.#within.map((count) => total += count);
    return { counts, count: this.#count, sum: this.#sum };
  }
}
