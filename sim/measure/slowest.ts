/**
 * The slowest of many, with what they were: a percentile says that something was slow, this says what.
 *
 * @module
 */

/** One slow thing. */
export interface SlowItem {
  /** How long it took. */
  readonly ms: number;
  /** When it ended, in milliseconds since 1970. */
  readonly atMs: number;
  /** The partition. */
  readonly partition: number;
  /** Whom it concerned, such as `worker-1#1 → worker-2#1`. */
  readonly who: string;
}

const KEPT = 10;

/** Keeps the ten slowest. */
export class Slowest {
  #items: SlowItem[] = [];

  /**
   * Adds one if it is among the slowest so far.
   *
   * @param durationUs how long, in microseconds
   * @param atUs when it ended, in microseconds since 1970
   * @param partition the partition
   * @param who whom it concerned; only made if it is kept
   */
  add(durationUs: number, atUs: number, partition: number, who: () => string): void {
    const ms = Math.round(Math.max(0, durationUs) / 100) / 10;
    if (this.#items.length === KEPT && ms <= this.#items.at(-1)!.ms) return;
    this.#items.push({ ms, atMs: Math.round(atUs / 1_000), partition, who: who() });
    this.#items.sort((a, b) => b.ms - a.ms);
    this.#items.length = Math.min(this.#items.length, KEPT);
  }

  /**
   * Goes on from there.
   *
   * @param items the slowest so far
   */
  load(items: readonly SlowItem[]): void {
    this.#items = [...items];
  }

  /** The slowest, slowest first. */
  get items(): readonly SlowItem[] {
    return this.#items;
  }
}
