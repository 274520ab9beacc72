/**
 * How far a partition's messages have been stored, found out on the server. A producer that was killed, or that got no
 * answer, asks this before it goes on: then there is neither a hole nor a repeat.
 *
 * @module
 */
import type { FeedStore } from "../../lib/ports/feed.ts";
import { decodeEffect } from "./effect.ts";
import { decodeMessage } from "./message.ts";
import { deadLetterSubject, effectSubject, feedSubject, type Topology } from "./topology.ts";

/**
 * The highest sequence of a partition that was ever stored.
 *
 * The feed alone cannot tell: it forgets what is acknowledged. But a worker writes the effect before it acknowledges, and the library the
 * dead letter, so a message is in the feed or one of these is in the output. The feed is asked first: what leaves it in between is in the
 * output by then.
 *
 * @param feed the streams
 * @param topology their names
 * @param partition the partition
 * @returns the sequence, 0 if there never was a message
 */
export async function lastStored(
  feed: FeedStore,
  topology: Topology,
  partition: number,
): Promise<number> {
  const waiting = await feed.lastMessage(topology.feedStream, feedSubject(topology, partition));
  if (waiting !== undefined) return decodeMessage(waiting.data).partitionSequence;
  const { effectStream } = topology;
  const [done, dead] = await Promise.all([
    feed.lastMessage(effectStream, effectSubject(topology, partition)),
    feed.lastMessage(effectStream, deadLetterSubject(topology, partition)),
  ]);
  return Math.max(
    done === undefined ? 0 : decodeEffect(done.data).sequence,
    dead === undefined ? 0 : decodeMessage(dead.data).partitionSequence,
  );
}
