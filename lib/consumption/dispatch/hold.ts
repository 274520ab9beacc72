/**
 * What a partition is held by: the right to it, and the lane that feeds it. A shard's keys have one in common.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import type { Lane } from "../lanes/lane.ts";

/** The right under which a partition is held: the latest assignment that gives it to this worker. */
export interface Ownership {
  /** The epoch of that assignment. */
  readonly epoch: number;
  /** The generation of that assignment. */
  readonly generation: number;
}

/** By what a partition is held. `Slot` says what each of these means. */
export class Hold {
  /** See `Slot.ownership`. */
  ownership: Ownership;
  /** See `Slot.wanted`. */
  wanted = true;
  /** See `Slot.lane`. */
  lane: Lane | undefined;
  /** Whether it was told to be acquired, and not told to be gone since. */
  isAcquired = false;
  /** See `Slot.moving`. */
  moving = false;
  /** See `Slot.stale`. */
  stale = false;
  /** See `Slot.outrankedUntilMs`. */
  outrankedUntilMs = 0;
  /** See `Slot.setbacks`. */
  setbacks = 0;
  /** Whose writes were fenced and have not gone well since: the partition's, or those of some keys of the shard. Made with the first. */
  #fenced: Set<PartitionId> | undefined;

  /** @param ownership under what right it is wanted */
  constructor(ownership: Ownership) {
    this.ownership = ownership;
  }

  /** See `Slot.outranked`. */
  get outranked(): boolean {
    return this.#fenced !== undefined;
  }

  /** Notes whose write was fenced. */
  fenced(id: PartitionId): void {
    this.#fenced ??= new Set();
    this.#fenced.add(id);
  }

  /** Notes that a message has been handled: what has gone well in one key of a shard says nothing of another's. */
  handled(id: PartitionId): void {
    if (this.#fenced?.delete(id) && this.#fenced.size === 0) this.#fenced = undefined;
  }

  /** Forgets whose writes were fenced: there is a new assignment. */
  unfence(): void {
    this.#fenced = undefined;
  }
}
