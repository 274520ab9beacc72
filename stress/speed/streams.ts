/**
 * The streams on which speed is measured: on disk, as in production, and new for each turn.
 *
 * @module
 */
import type { FeedStore } from "../../lib/ports/feed.ts";
import { publishInWindow } from "./bare_client.ts";
import type { BareRequests } from "./bare_requests.ts";

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
/** As many unacknowledged messages as a worker's consumer is allowed: a bare loop that asks for many at once needs them. */
export const BARE_ACK_PENDING = 65_536;
/**
 * How many messages a bare loop asks for at once, the best of 1,024 to 32,768: with a filter of 100 that made 51, 53 (4,096), 55 (16,384) and
 * 61 k messages/s, without one 103, 112, 133 and 139 k (medians of five on two cores with other work beside).
 */
export const BARE_BATCH = 32_768;

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
 * Makes the consumer that a bare loop pulls from, as a worker's is made: with the same filter, in memory, and allowed as many unacknowledged
 * messages.
 *
 * @param requests over the connection of the loop
 * @param name what it is called
 * @param partitions their names
 */
export async function makeBareConsumer(
  requests: BareRequests,
  name: string,
  partitions: readonly string[],
): Promise<void> {
  await requests.api(`CONSUMER.CREATE.${FEED}.${name}`, {
    stream_name: FEED,
    action: "create",
    config: {
      ...{ name, durable_name: name, deliver_policy: "all", replay_policy: "instant" },
      filter_subjects: partitions.map((partition) => `${FEED}.${partition}`),
      ...{ ack_policy: "explicit", ack_wait: 30e9, max_ack_pending: BARE_ACK_PENDING },
      ...{ inactive_threshold: 60e9, mem_storage: true },
    },
  });
}
