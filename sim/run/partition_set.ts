/**
 * The group's partitions as they are now: while a run goes on some come and some go.
 *
 * @module
 */

import type { PartitionChanges } from "../wire/wire.ts";

/** When a partition had load, in microseconds since 1970. */
export interface Life {
  /** Since when; minus infinity if it was there from the beginning. */
  readonly fromUs: number;
  /** Until when; infinity if it has load to the end. */
  readonly untilUs: number;
}

/** The partitions as JSON holds them; times are microseconds since 1970. */
export interface SavedPartitions {
  /** Weights by number. */
  readonly weights: readonly number[];
  /** What came, and when. */
  readonly added: readonly (readonly [partition: number, atUs: number])[];
  /** What is sent to no more, and since when. */
  readonly retired: readonly (readonly [partition: number, atUs: number])[];
  /** What went for good. */
  readonly removed: readonly number[];
}

/** The partitions of a run. A number is used once: what comes gets the next one, and what went does not come back. */
export class PartitionSet {
  readonly #weights: number[];
  readonly #initial: number;
  readonly #retired = new Map<number, number>();
  readonly #addedUs = new Map<number, number>();
  readonly #removed = new Set<number>();

  /** @param weights the weights of those that are there at the beginning, by their numbers */
  constructor(weights: readonly number[]) {
    this.#weights = [...weights];
    this.#initial = weights.length;
  }

  /** How many there ever were: their numbers are below it. */
  get total(): number {
    return this.#weights.length;
  }

  /** Weights by number; 0 for those that are gone. */
  get weights(): readonly number[] {
    return this.#weights;
  }

  /** The numbers of those that the group shares. */
  get current(): number[] {
    return [...this.#weights.keys()].filter((partition) => !this.#removed.has(partition));
  }

  /** The numbers of those that have load: the others are being drained, or gone. */
  get loaded(): number[] {
    return this.current.filter((partition) => !this.#retired.has(partition));
  }

  /** How many came, and how many went for good. */
  get counts(): { added: number; removed: number } {
    return { added: this.#weights.length - this.#initial, removed: this.#removed.size };
  }

  /** What producers have to know. */
  get changes(): PartitionChanges {
    return { added: [...this.#addedUs.keys()], retired: [...this.#retired.keys()] };
  }

  /**
   * Partitions come.
   *
   * @param weights their weights
   * @param atUs when, in microseconds since 1970
   * @returns their numbers
   */
  add(weights: readonly number[], atUs: number): number[] {
    return weights.map((weight) => {
      const partition = this.#weights.push(weight) - 1;
      this.#addedUs.set(partition, atUs);
      return partition;
    });
  }

  /**
   * From now on nobody is to send to these; they are still shared, so that what was sent is handled.
   *
   * @param partitions their numbers
   * @param atUs when, in microseconds since 1970
   */
  retire(partitions: readonly number[], atUs: number): void {
    for (const partition of partitions) this.#retired.set(partition, atUs);
  }

  /**
   * Partitions go.
   *
   * @param partitions their numbers
   */
  remove(partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#removed.add(partition);
      this.#weights[partition] = 0;
    }
  }

  /** The partitions as JSON holds them. */
  save(): SavedPartitions {
    return {
      weights: this.#weights,
      added: [...this.#addedUs],
      retired: [...this.#retired],
      removed: [...this.#removed],
    };
  }

  /**
   * Goes on from there; for a set in which nothing has changed yet.
   *
   * @param saved the partitions as they were
   */
  load({ weights, added, retired, removed }: SavedPartitions): void {
    this.#weights.splice(0, this.#weights.length, ...weights);
    for (const [partition, atUs] of added) this.#addedUs.set(partition, atUs);
    for (const [partition, atUs] of retired) this.#retired.set(partition, atUs);
    for (const partition of removed) this.#removed.add(partition);
  }

  /**
   * When a partition had load.
   *
   * @param partition its number
   */
  life(partition: number): Life {
    return {
      fromUs: this.#addedUs.get(partition) ?? Number.NEGATIVE_INFINITY,
      untilUs: this.#retired.get(partition) ?? Number.POSITIVE_INFINITY,
    };
  }
}
