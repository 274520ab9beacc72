/**
 * What the lane keeper and its parts need.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import type { GroupConsumerConfig } from "../../config/config.ts";
import type { LaneOwner } from "../../names.ts";
import type { FeedMessage } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import type { ConsumptionEvents } from "../events.ts";
import type { CheckedFeed } from "../feed_check.ts";
import type { Lane } from "./lane.ts";
import type { Slot, Taken } from "../dispatch/slot.ts";

/** What the keeper needs. */
export interface LaneKeeperOptions {
  /** The world. */
  readonly world: World;
  /** How to consume. */
  readonly config: GroupConsumerConfig;
  /** Whose lanes they are. */
  readonly owner: LaneOwner;
  /** How long running handlers may go on when their partitions are to move or their shard needs a fresh lane, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** How long the confirmation of acks may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** Makes sure before the first lane that a stream is one on which lanes are locks; throws if it is not or cannot be asked. */
  readonly checkFeed: (stream: string) => Promise<CheckedFeed>;
  /** Told when a stream may have been made anew: it is to be checked again before the next lane on it. */
  readonly doubtFeed: (stream: string) => void;
  /** All slots of the worker. */
  readonly slots: ReadonlyMap<PartitionId, Slot>;
  /** Who is told. */
  readonly events: ConsumptionEvents;
  /** Whether the worker's lease is in force. */
  readonly mayAct: () => boolean;
  /** Whether nothing is dispatched by wish: full lanes then say nothing about their partitions. */
  readonly paused: () => boolean;
  /** Whether an instance is part of the present generation. */
  readonly isKnown: (instance: string) => boolean;
  /** The assignment in force. */
  readonly generation: () => { readonly epoch: number; readonly generation: number };
  /** Told of each delivery a slot has taken. */
  readonly onTaken: (
    slot: Slot,
    message: FeedMessage,
    taken: Exclude<Taken, "out-of-order">,
    lane: Lane,
  ) => void;
  /** Told what was released. */
  readonly onReleased: (ids: readonly PartitionId[]) => void;
  /** Told when a lane of a later generation was in the way: the assignment in force is another one. */
  readonly onBehind: () => void;
  /** Told when something changed: reconcile again. */
  readonly onChange: () => void;
}
