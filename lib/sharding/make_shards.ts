/**
 * Making a sharded feed's streams.
 *
 * @module
 */
import { isPartiError } from "../errors.ts";
import { shardMetadata } from "../names.ts";
import type { FeedStore, StreamOptions } from "../ports/feed.ts";
import {
  checkLayout,
  checkShardsMade,
  keyPrefix,
  type ShardedFeed,
  shardStream,
} from "./shards.ts";

/** How the streams of a sharded feed are made. */
export type ShardOptions = Omit<
  StreamOptions,
  "subjects" | "retention" | "maxMessagesPerSubject"
>;

/** So many streams are made at the same time. */
const AT_ONCE = 16;

/**
 * Makes the streams of a sharded feed that are not there; those that are stay as they are. How many shards there are is written on each.
 *
 * @param feed where streams are
 * @param layout the layout
 * @param options how they are made
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is no layout, or the feed was made with another number of shards, or what the server
 * says; the streams made before stay
 *
 * @example
 * ```ts no-assert
 * import { connectNats, makeShards, natsWorld } from "@parti/parti";
 * async function main() {
 *   const nc = await connectNats({ servers: "nats://127.0.0.1:4222" });
 *   const layout = { stream: "ORDERS", subjectTemplate: "orders.{{.Shard}}.{{.PartitionID}}", shards: 16 };
 *   await makeShards(natsWorld(nc).feed, layout, { storage: "file", replicas: 1 });
 * }
 * console.log(typeof main);
 * ```
 */
export async function makeShards(
  feed: Pick<FeedStore, "ensureStream" | "streamInfo">,
  layout: ShardedFeed,
  options: ShardOptions,
): Promise<void> {
  checkLayout(layout);
  const { stream, subjectTemplate, shards } = layout;
  const metadata = { ...options.metadata, ...shardMetadata(shards) };
  await checkMade(feed, layout);
  for (let first = 0; first < shards; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, shards - first);
    await Promise.all(Array.from({ length: count }, (_, i) => {
      const subjects = [`${keyPrefix(subjectTemplate, first + i)}>`];
      const all: StreamOptions = { ...options, metadata, subjects, retention: "workqueue" };
      return feed.ensureStream(shardStream(stream, first + i), all);
    }));
  }
  // Somebody may have begun to make another number at the same time: one of us has made the first.
  await checkMade(feed, layout);
}

/** The first stream is made first, and tells for all. */
async function checkMade(
  feed: Pick<FeedStore, "streamInfo">,
  { stream, shards }: ShardedFeed,
): Promise<void> {
  const first = shardStream(stream, 0);
  try {
    checkShardsMade(first, (await feed.streamInfo(first)).metadata, shards);
  } catch (error) {
    if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
  }
}
