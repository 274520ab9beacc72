/**
 * How far the streams of a sharded feed have come.
 *
 * @module
 */
import type { FeedStore, StreamInfo } from "../../ports/feed.ts";
import { type ShardedFeed, shardStream } from "../shards.ts";

/** The end of a shard's stream. */
export type ShardEnd = Pick<StreamInfo, "lastSequence" | "messages">;

/** So many streams are asked about at the same time. */
const AT_ONCE = 16;

/**
 * Reads the last sequences of shards. It stays when a work queue is drained, and over a restart of its server; but for 2.10.27, which now
 * and then begins anew at 0 if it is killed in the moment in which the last message is acknowledged.
 *
 * @param feed where streams are
 * @param layout the shards
 * @param shards which of them
 * @returns the sequence of the last message that was ever stored and how many are there, by shard
 * @throws {PartiError} what the server says
 */
export async function lastsOf(
  feed: Pick<FeedStore, "streamInfo">,
  { stream }: ShardedFeed,
  shards: readonly number[],
): Promise<Map<number, ShardEnd>> {
  const lasts = new Map<number, ShardEnd>();
  for (let first = 0; first < shards.length; first += AT_ONCE) {
    await Promise.all(
      shards.slice(first, first + AT_ONCE).map(async (shard) => {
        lasts.set(shard, await feed.streamInfo(shardStream(stream, shard)));
      }),
    );
  }
  return lasts;
}
