/**
 * How well consumption goes.
 *
 * @module
 */
import type { PartitionId } from "../assignment/partition.ts";
import type { Lane } from "./lanes/lane.ts";
import type { Slot } from "./dispatch/slot.ts";

/** How well consumption goes. */
export interface ConsumerHealth {
  /** The connection is up, everything wanted is held, and nothing is stopped, blocked, denied or outranked. */
  readonly healthy: boolean;
  /** Whether the connection is up. */
  readonly connected: boolean;
  /** Partitions wanted and held. */
  readonly held: number;
  /** Partitions wanted and not held yet. */
  readonly waiting: readonly PartitionId[];
  /** Partitions that a poison message has stopped. */
  readonly stopped: readonly PartitionId[];
  /** Partitions whose poison message no stream takes as a dead letter. */
  readonly blocked: readonly PartitionId[];
  /** Partitions that cannot be pulled or acknowledged: this user lacks the permission, as `error` has told. */
  readonly denied: readonly PartitionId[];
  /**
   * Partitions whose handler has been failing on one message for longer than the ack wait, for whatever reason. It is tried again. This alone
   * is not unhealthy: the same handler on another worker would fail too.
   */
  readonly failing: readonly PartitionId[];
  /**
   * Partitions whose handler has not come back for longer than the ack wait, or has not acknowledged by hand. It is waited for, however long it
   * takes, and what comes after its message with it; so this alone is not unhealthy. If it never comes back, only a restart of its process
   * ends it.
   */
  readonly longRunning: readonly PartitionId[];
  /** Partitions wanted here that somebody newer has written, as a fenced write has shown. */
  readonly outranked: readonly PartitionId[];
  /** How many lanes there are. */
  readonly lanes: number;
  /** Messages that are being handled, those between two tries included. */
  readonly running: number;
  /** Messages that wait. */
  readonly buffered: number;
}

/**
 * Judges how well consumption goes.
 *
 * @param slots all slots of the worker
 * @param lanes its lanes
 * @param running how many messages are being handled
 * @param connected whether the connection is up
 * @param longAgoMs what has been failing, or running, since before this has been so for long; on the monotonic clock, in milliseconds
 * @returns the judgement
 */
export function healthOf(
  slots: Iterable<Slot>,
  lanes: readonly Lane[],
  running: number,
  connected: boolean,
  longAgoMs: number,
): ConsumerHealth {
  const wanted = [...slots].filter((slot) => slot.wanted);
  const parts = wanted.flatMap((slot) => [...slot.parts]);
  const waiting = idsOf(wanted, (slot) => slot.lane === undefined || slot.lane.closed);
  const stopped = idsOf(parts, (part) => part.stopped);
  const blocked = idsOf(parts, (part) => part.blocked);
  const denied = idsOf(wanted, (slot) => slot.lane?.refusal !== undefined);
  const failing = idsOf(
    parts,
    (part) => part.failingSinceMs !== undefined && part.failingSinceMs < longAgoMs,
  );
  const longRunning = idsOf(
    parts,
    ({ running }) => (running?.runningSinceMs ?? Infinity) < longAgoMs,
  );
  const outranked = idsOf(wanted, (slot) => slot.outranked);
  const troubles = [waiting, stopped, blocked, denied, outranked];
  return {
    healthy: connected && troubles.every((ids) => ids.length === 0),
    connected,
    held: wanted.length - waiting.length,
    waiting,
    stopped,
    blocked,
    denied,
    failing,
    longRunning,
    outranked,
    lanes: lanes.length,
    running,
    buffered: lanes.reduce((sum, lane) => sum + lane.buffered, 0),
  };
}

function idsOf(slots: readonly Slot[], choose: (slot: Slot) => boolean): PartitionId[] {
  return slots.filter(choose).map((slot) => slot.id);
}
