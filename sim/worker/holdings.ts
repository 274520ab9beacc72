/**
 * What a worker holds by its own account: which partitions are on a lane of its, and since when.
 *
 * @module
 */
import type { LaneChange } from "../measure/vacancies.ts";

/** The partitions a worker holds. */
export class Holdings {
  readonly #sinceUs = new Map<number, number>();
  readonly #now: () => number;
  readonly #onChange: (change: LaneChange, partitions: number[], atUs: number) => void;

  /**
   * @param now the time, in microseconds since 1970
   * @param onChange told of what came or went; must not throw
   */
  constructor(
    now: () => number,
    onChange: (change: LaneChange, partitions: number[], atUs: number) => void,
  ) {
    this.#now = now;
    this.#onChange = onChange;
  }

  /**
   * Partitions were put on a lane. Those that only change their lane were held before and count as held since then.
   *
   * @param partitions their numbers
   */
  acquired(partitions: readonly number[]): void {
    const atUs = this.#now();
    const fresh = partitions.filter((partition) => !this.#sinceUs.has(partition));
    for (const partition of fresh) this.#sinceUs.set(partition, atUs);
    if (fresh.length > 0) this.#onChange("acquired", fresh, atUs);
  }

  /**
   * Partitions were let go, so that others can have them.
   *
   * @param partitions their numbers
   */
  released(partitions: readonly number[]): void {
    this.forget(partitions);
    this.#onChange("released", [...partitions], this.#now());
  }

  /**
   * The right to partitions is gone, whether or not they are let go: if they are acquired again, that is a new time.
   *
   * @param partitions their numbers
   */
  forget(partitions: readonly number[]): void {
    for (const partition of partitions) this.#sinceUs.delete(partition);
  }

  /**
   * Since when a partition is held.
   *
   * @param partition its number
   * @returns microseconds since 1970; undefined if it is not
   */
  since(partition: number): number | undefined {
    return this.#sinceUs.get(partition);
  }
}
