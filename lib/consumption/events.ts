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

/**
 * Tells two listeners, the first one first.
 *
 * @param first who is told first
 * @param second who is told then
 * @returns events that tell both
 */
export function bothEvents(
  first: Partial<ConsumptionEvents>,
  second: Partial<ConsumptionEvents>,
): ConsumptionEvents {
  const names = Object.keys(noConsumptionEvents) as (keyof ConsumptionEvents)[];
  const both: Partial<Record<keyof ConsumptionEvents, (...args: never[]) => void>> = {};
  for (const name of names) {
    const a = first[name] as ((...args: never[]) => void) | undefined;
    const b = second[name] as ((...args: never[]) => void) | undefined;
    both[name] = a === undefined || b === undefined ? a ?? b ?? ignore : (...args) => {
      a(...args);
      b(...args);
    };
  }
  return both as unknown as ConsumptionEvents;
}

/**
 * Completes a listener, and keeps what it throws away from whoever tells it: a broken metric must not stop a partition.
 *
 * @param listener what is listened to
 * @returns a listener for everything that never throws
 */
export function guardedEvents(listener: Partial<ConsumptionEvents>): ConsumptionEvents {
  const tellError = (error: unknown): void => {
    try {
      listener.error?.(error);
    } catch {
      // The listener for errors failed on one. There is nobody left to tell.
    }
  };
  const guarded: Record<string, (...args: unknown[]) => void> = {};
  for (const name of Object.keys(noConsumptionEvents) as (keyof ConsumptionEvents)[]) {
    // Called as a method: a listener may be an object with a state.
    const tell = (listener[name] as ((...args: unknown[]) => void) | undefined)?.bind(listener);
    guarded[name] = tell === undefined ? ignore : (...args: unknown[]) => {
      try {
        tell(...args);
      } catch (error) {
        tellError(error);
      }
    };
  }
  return { ...(guarded as unknown as ConsumptionEvents), error: tellError };
}
