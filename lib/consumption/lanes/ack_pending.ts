/**
 * How many messages of a lane may be handed out and not acknowledged, and how many of them may wait here.
 *
 * Messages that were handed out for partitions let go since count as unacknowledged until their new owner has handled them, and so do
 * those that run. So what the server is asked to allow is far above the room of the lane. It costs nothing unless it is used.
 *
 * @module
 */

/** What is allowed is so many times the room. */
const FACTOR = 16;
const USUAL = 4_096;

/**
 * With less than this a lane may come to a stand: as many handlers may run as a lane has partitions, and what waits for one partition
 * must not keep the others from theirs.
 */
export const ACK_PENDING_LEAST = 256;

/**
 * What a lane asks the server to allow.
 *
 * @param prefetch how many messages the worker holds in advance
 * @param limit the most that the stream allows its consumers; undefined for no limit
 * @returns the number of unacknowledged messages
 */
export function ackPendingOf(prefetch: number, limit: number | undefined): number {
  return Math.min(Math.max(prefetch * FACTOR, USUAL), limit ?? Infinity);
}

/**
 * How many messages may wait in a lane at most.
 *
 * @param maxAckPending what the server allows it
 * @returns the room
 */
export function roomOf(maxAckPending: number): number {
  return Math.floor(maxAckPending / FACTOR);
}
