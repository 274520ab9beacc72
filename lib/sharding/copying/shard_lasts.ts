/**
 * How far the streams of a sharded feed have come.
 *
 * @module
 */
import type { FeedStore } from "../../ports/feed.ts";
import { type ShardedFeed, shardStream } from "../shards.ts";

/** So many streams are asked about at the same time. */
const AT_ONCE = 16;

/**
 * Reads the last sequences of shards. It stays when a work queue is drained, and over a restart of its server.
 *
 * @param feed where streams are
 * @param layout the shards
 * @param shards which of them
 * @returns the sequence of the last message that was ever stored, by shard
 * @throws {PartiError} what the server says
 */
export async function lastsOf(
  feed: Pick<FeedStore, "streamInfo">,
  { stream }: ShardedFeed,
  shards: readonly number[],
): Promise<Map<number, number>> {
  const lasts = new Map<number, number>();
  for (let first = 0; first < shards.length; first += AT_ONCE) {
    await Promise.all(
      shards.slice(first, first + AT_ONCE).map(async (shard) => {
        const { lastSequence } = await feed.streamInfo(shardStream(stream, shard));
        lasts.set(shard, lastSequence);
      }),
    );
  }
  return lasts;
}
