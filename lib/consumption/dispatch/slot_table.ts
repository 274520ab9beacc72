/**
 * The slots of a worker: which partitions are wanted, and whether what is held equals that.
 *
 * @module
 */
import { type Partition, type PartitionId, partitionId } from "../../assignment/partition.ts";
import type { GroupConsumerConfig } from "../../config/config.ts";
import { partitionSubject } from "../../names.ts";
import type { DesiredPartitions } from "./desired.ts";
import { checkKey, keyPrefix, shardNumber, shardStream } from "../../sharding/shards.ts";
import { Hold, type Ownership } from "./hold.ts";
import { ShardSlot } from "./shard_slot.ts";
import { Slot } from "./slot.ts";

/** Where the messages of partitions lie: in one stream, or each shard's in one of its own. */
export type FeedLayout =
  & Pick<GroupConsumerConfig, "stream" | "subjectTemplate">
  & Partial<Pick<GroupConsumerConfig, "shards">>;

/** What an assignment changed. */
export interface SlotChanges {
  /** Slots that were not wanted before. */
  readonly added: readonly Slot[];
  /** How many are not wanted any more. */
  readonly removed: number;
  /** How many are wanted. */
  readonly total: number;
}

/** A worker's slots by partition. */
export class SlotTable {
  /** All slots: the wanted ones, and those that are not gone yet. */
  readonly all = new Map<PartitionId, Slot>();
  readonly #layout: FeedLayout;

  /** @param layout where a partition's messages lie */
  constructor(layout: FeedLayout) {
    this.#layout = layout;
  }

  /** What is handled in order, each by itself: partitions, or the keys of shards that are known. */
  *parts(): Generator<Slot> {
    for (const slot of this.all.values()) yield* slot.parts;
  }

  /**
   * Takes an assignment over.
   *
   * @param desired the assignment
   * @param nowMs the time on the monotonic clock, in milliseconds
   * @returns what it changed
   * @throws {PartiError} `PARTI_INVALID_PARTITION` for a bad name, or one that is no shard; then nothing is changed
   */
  apply(desired: DesiredPartitions, nowMs: number): SlotChanges {
    const wanted = new Map(
      desired.partitions.map((partition) => [partitionId(partition), partition]),
    );
    const { shards } = this.#layout;
    if (shards !== undefined) { for (const id of wanted.keys()) shardNumber(id, shards); }
    const removed = this.#unwant((slot) => !wanted.has(slot.id));
    const added: Slot[] = [];
    // One for all of them.
    const ownership = { epoch: desired.epoch, generation: desired.generation };
    for (const [id, partition] of wanted) {
      const slot = this.#want(id, partition, ownership, nowMs);
      if (slot !== undefined) added.push(slot);
    }
    return { added, removed, total: wanted.size };
  }

  /** Nothing is wanted any more. */
  clear(): void {
    this.#unwant(() => true);
  }

  /**
   * Forgets slots that are neither wanted nor held, and run nothing.
   *
   * @returns those among them that were free as far as is known here and were never taken, and those that were never released
   */
  sweep(): { readonly leftFree: readonly PartitionId[]; readonly lost: readonly PartitionId[] } {
    const leftFree: PartitionId[] = [];
    const lost: PartitionId[] = [];
    for (const slot of this.all.values()) {
      const isOver = !slot.wanted && slot.lane === undefined && slot.running === undefined &&
        !slot.moving;
      if (!isOver) continue;
      this.all.delete(slot.id);
      if (slot.believedFree) leftFree.push(slot.id);
      if (slot.hold.isAcquired) lost.push(slot.id);
    }
    return { leftFree, lost };
  }

  /**
   * Everything is given up at once.
   *
   * @returns what was held, or was about to be acquired anew
   */
  lose(): PartitionId[] {
    const lost: PartitionId[] = [];
    for (const { id, hold } of this.all.values()) {
      if (hold.isAcquired) lost.push(id);
      hold.isAcquired = false;
    }
    return lost;
  }

  /**
   * Whether everything wanted is held, and by nobody newer, and everything else released. A handler that outlasted its time is waited
   * for no longer.
   */
  get isSettled(): boolean {
    for (const slot of this.all.values()) {
      if (slot.moving) return false;
      const isHeld = slot.lane !== undefined;
      const runsByRight = slot.running !== undefined && !slot.running.aborted;
      if (slot.wanted ? !isHeld || slot.outranked : isHeld || runsByRight) return false;
    }
    return true;
  }

  /** The wanted partitions that somebody newer has written. */
  get outranked(): PartitionId[] {
    const ids: PartitionId[] = [];
    for (const slot of this.all.values()) if (slot.wanted && slot.outranked) ids.push(slot.id);
    return ids;
  }

  #unwant(choose: (slot: Slot) => boolean): number {
    let removed = 0;
    for (const slot of this.all.values()) {
      if (!slot.wanted || !choose(slot)) continue;
      slot.wanted = false;
      removed++;
    }
    return removed;
  }

  /** Makes or renews the slot of a wanted partition; returns it if it was not wanted before. */
  #want(
    id: PartitionId,
    partition: Partition,
    ownership: Ownership,
    nowMs: number,
  ): Slot | undefined {
    const { epoch, generation } = ownership;
    const known = this.all.get(id);
    const slot = known ?? this.#make(id, partition, ownership);
    slot.partition = partition;
    if (slot.ownership.epoch !== epoch || slot.ownership.generation !== generation) {
      // Also of a partition held all the time: between two assignments that give it to us there may have been others, which we
      // have not seen, that gave it to somebody else. Only the latest one is above theirs.
      slot.ownership = ownership;
      slot.outranked = false;
    }
    if (known?.wanted) return undefined;
    this.all.set(id, slot);
    slot.wanted = true;
    slot.believedFree = false;
    slot.wantedSinceMs = nowMs;
    return slot;
  }

  #make(id: PartitionId, partition: Partition, ownership: Ownership): Slot {
    const { stream, subjectTemplate, shards } = this.#layout;
    const hold = new Hold(ownership);
    if (shards === undefined) {
      return new Slot(partition, id, partitionSubject(subjectTemplate, id), stream, hold);
    }
    const shard = shardNumber(id, shards);
    const prefix = keyPrefix(subjectTemplate, shard);
    const own = shardStream(stream, shard);
    return new ShardSlot(
      ...[partition, id, prefix, own, hold] as const,
      (key) => checkKey(key, shard, shards),
    );
  }
}
