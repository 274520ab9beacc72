/**
 * What a consumer tells of itself: for metrics, logs and hooks. Calls are synchronous; what they throw is told to `error`.
 *
 * @module
 */
import type { PartitionId } from "../assignment/partition.ts";
import type { FeedMessage } from "../ports/feed.ts";
import type { LaneEnd } from "./lanes/lane.ts";

/** Everything that can be told. */
export interface ConsumptionEvents {
  /** A newer assignment came. */
  updated(added: number, removed: number, total: number): void;
  /** Partitions were acquired on one lane, after the longest of them had waited this long. */
  acquired(ids: readonly PartitionId[], lane: string, waitedMs: number): void;
  /** The server refused: somebody holds at least one of these. */
  refused(ids: readonly PartitionId[]): void;
  /** Partitions were released. */
  released(ids: readonly PartitionId[], forced: boolean): void;
  /** Partitions that were acquired are not held any more, and were never released: their lane, or the worker's lease, had gone before. */
  lost(ids: readonly PartitionId[]): void;
  /** A lane of somebody without any right was deleted. */
  evicted(lane: string): void;
  /** A lane ended and its partitions are being acquired anew. */
  laneEnded(lane: string, reason: LaneEnd, detail: string): void;
  /** Lanes were merged into one. */
  compacted(lanes: number): void;
  /** A handler was started. */
  started(id: PartitionId, message: FeedMessage): void;
  /** A handler came back, well or not. */
  handled(id: PartitionId, durationMs: number): void;
  /** A message was acknowledged. */
  acked(id: PartitionId, message: FeedMessage): void;
  /** A message came again. */
  redelivered(id: PartitionId, message: FeedMessage): void;
  /** A handler failed; the message is tried again. */
  failed(id: PartitionId, message: FeedMessage, attempt: number, error: unknown): void;
  /** The right to handle a message ended before its handler did. */
  abandoned(id: PartitionId, message: FeedMessage): void;
  /** A poison message went to the dead-letter subject. */
  deadLettered(id: PartitionId, message: FeedMessage, error: unknown): void;
  /** A poison message stopped its partition. */
  stopped(id: PartitionId, message: FeedMessage, error: unknown): void;
  /** Which wanted partitions somebody newer has written, as fenced writes have shown, is not what it was; none: all is well again. */
  outranked(ids: readonly PartitionId[]): void;
  /** Something failed and is tried again. */
  error(error: unknown): void;
}

const ignore = (): void => {};

/** Tells nobody. */
export const noConsumptionEvents: ConsumptionEvents = {
  updated: ignore,
  acquired: ignore,
  refused: ignore,
  released: ignore,
  lost: ignore,
  evicted: ignore,
  laneEnded: ignore,
  compacted: ignore,
  started: ignore,
  handled: ignore,
  acked: ignore,
  redelivered: ignore,
  failed: ignore,
  abandoned: ignore,
  deadLettered: ignore,
  stopped: ignore,
  outranked: ignore,
  error: ignore,
};

/** Tells several listeners. One object with methods of its class: a worker has one, and so many functions would be several kilobytes. */
class Teller implements ConsumptionEvents {
  readonly #listeners: readonly Partial<ConsumptionEvents>[];

  constructor(listeners: readonly Partial<ConsumptionEvents>[]) {
    this.#listeners = listeners;
  }

  updated(added: number, removed: number, total: number): void {
    this.#tell((to) => to.updated?.(added, removed, total));
  }
  acquired(ids: readonly PartitionId[], lane: string, waitedMs: number): void {
    this.#tell((to) => to.acquired?.(ids, lane, waitedMs));
  }
  refused(ids: readonly PartitionId[]): void {
    this.#tell((to) => to.refused?.(ids));
  }
  released(ids: readonly PartitionId[], forced: boolean): void {
    this.#tell((to) => to.released?.(ids, forced));
  }
  lost(ids: readonly PartitionId[]): void {
    this.#tell((to) => to.lost?.(ids));
  }
  evicted(lane: string): void {
    this.#tell((to) => to.evicted?.(lane));
  }
  laneEnded(lane: string, reason: LaneEnd, detail: string): void {
    this.#tell((to) => to.laneEnded?.(lane, reason, detail));
  }
  compacted(lanes: number): void {
    this.#tell((to) => to.compacted?.(lanes));
  }
  started(id: PartitionId, message: FeedMessage): void {
    this.#tell((to) => to.started?.(id, message));
  }
  handled(id: PartitionId, durationMs: number): void {
    this.#tell((to) => to.handled?.(id, durationMs));
  }
  acked(id: PartitionId, message: FeedMessage): void {
    this.#tell((to) => to.acked?.(id, message));
  }
  redelivered(id: PartitionId, message: FeedMessage): void {
    this.#tell((to) => to.redelivered?.(id, message));
  }
  failed(id: PartitionId, message: FeedMessage, attempt: number, error: unknown): void {
    this.#tell((to) => to.failed?.(id, message, attempt, error));
  }
  abandoned(id: PartitionId, message: FeedMessage): void {
    this.#tell((to) => to.abandoned?.(id, message));
  }
  deadLettered(id: PartitionId, message: FeedMessage, error: unknown): void {
    this.#tell((to) => to.deadLettered?.(id, message, error));
  }
  stopped(id: PartitionId, message: FeedMessage, error: unknown): void {
    this.#tell((to) => to.stopped?.(id, message, error));
  }
  outranked(ids: readonly PartitionId[]): void {
    this.#tell((to) => to.outranked?.(ids));
  }

  error(error: unknown): void {
    for (const listener of this.#listeners) {
      try {
        listener.error?.(error);
      } catch {
        // The listener for errors failed on one. There is nobody left to tell.
      }
    }
  }

  #tell(tell: (to: Partial<ConsumptionEvents>) => void): void {
    for (const listener of this.#listeners) {
      try {
        tell(listener);
      } catch (error) {
        this.error(error);
      }
    }
  }
}

/**
 * Completes listeners, and keeps what they throw away from whoever tells them and from each other: a broken metric must not stop a
 * partition.
 *
 * @param listeners what is listened to; each is told in turn
 * @returns a listener for everything that never throws. Its methods are to be called as such
 */
export function guardedEvents(
  ...listeners: readonly Partial<ConsumptionEvents>[]
): ConsumptionEvents {
  const [only, another] = listeners;
  return only instanceof Teller && another === undefined ? only : new Teller(listeners);
}
