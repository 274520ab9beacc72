/**
 * Whether a consumer holds what it should: who waits for that is called, and who watches is told of what stands in the way for long.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import type { SlotTable } from "./slot_table.ts";

/** Follows a worker's slots. Looks only when it is told to. */
export class Settling {
  readonly #slots: Pick<SlotTable, "isSettled" | "outranked">;
  readonly #onOutranked: (ids: readonly PartitionId[]) => void;
  readonly #waiters: (() => void)[] = [];
  #outranked: readonly PartitionId[] = [];
  #ended = false;

  /**
   * @param slots what is held
   * @param onOutranked told when the outranked partitions are others than before. Must not throw
   */
  constructor(
    slots: Pick<SlotTable, "isSettled" | "outranked">,
    onOutranked: (ids: readonly PartitionId[]) => void,
  ) {
    this.#slots = slots;
    this.#onOutranked = onOutranked;
  }

  /** The outranked partitions as they were told last. */
  get outranked(): readonly PartitionId[] {
    return this.#outranked;
  }

  /** Resolves when everything wanted is held and everything else is released, or at the end. Never rejects. */
  settled(): Promise<void> {
    if (this.#isSettled) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Looks at the slots, and calls and tells whoever is concerned. */
  look(): void {
    if (this.#ended) return;
    const before = this.#outranked;
    this.#outranked = this.#slots.outranked;
    if (before.join(" ") !== this.#outranked.join(" ")) this.#onOutranked(this.#outranked);
    if (this.#waiters.length > 0 && this.#isSettled) this.#release();
  }

  /** The consumer has ended: nobody waits any longer, and nothing is told any more. */
  end(): void {
    this.#ended = true;
    this.#release();
  }

  get #isSettled(): boolean {
    return this.#ended || this.#slots.isSettled;
  }

  #release(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
