/**
 * The streams on which speed is measured: on disk, as in production, and new for each turn.
 *
 * @module
 */
import type { FeedStore } from "../../lib/ports/feed.ts";
import { publishInWindow } from "./bare_client.ts";

/** The stream that is consumed. */
export const FEED = "feed";
/** The stream that effects go to. */
export const OUTPUT = "output";
/** Its subjects, as a configuration has them. */
export const FEED_TEMPLATE = "feed.{{.PartitionID}}";
/** The same of the output. */
export const OUTPUT_TEMPLATE = "output.{{.PartitionID}}";
/** The consumer of a loop that a worker is compared with. */
export const BARE = "bare";
/** How large a message is. */
export const PAYLOAD: Uint8Array = new Uint8Array(150).fill(120);
const WINDOW = 2_000;

/**
 * Partitions for a measuring.
 *
 * @param count how many
 * @returns their names
 */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `p-${n}`);
}

/**
 * Makes the streams anew: empty.
 *
 * @param feed where streams are
 */
export async function makeStreams(feed: FeedStore): Promise<void> {
  for (const [name, retention] of [[FEED, "workqueue"], [OUTPUT, "limits"]] as const) {
    await feed.destroyStream(name);
    await feed.ensureStream(name, {
      subjects: [`${name}.>`],
      retention,
      storage: "file",
      replicas: 1,
    });
  }
}

/**
 * Fills the feed with messages for each partition in turn.
 *
 * @param feed where streams are
 * @param partitions their names
 * @param count how many messages
 */
export async function fill(
  feed: FeedStore,
  partitions: readonly string[],
  count: number,
): Promise<void> {
  const publish = (n: number) => feed.publish(`feed.${partitions[n % partitions.length]}`, PAYLOAD);
  await publishInWindow(publish, { count, window: WINDOW });
}

/**
 * Makes the consumer that a bare loop pulls from: it has the same filter as a worker's.
 *
 * @param feed where streams are
 * @param partitions their names
 */
export async function makeBareConsumer(
  feed: FeedStore,
  partitions: readonly string[],
): Promise<void> {
  await feed.createConsumer(FEED, {
    name: BARE,
    filterSubjects: partitions.map((name) => `feed.${name}`),
    ackWaitMs: 30_000,
    maxAckPending: 4_096,
    inactiveThresholdMs: 60_000,
    metadata: {},
  });
}
