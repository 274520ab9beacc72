/**
 * Making a sharded feed's streams.
 *
 * @module
 */
import { PartiError } from "../errors.ts";
import type { FeedStore, StreamOptions } from "../ports/feed.ts";
import { keyPrefix, type ShardedFeed, shardStream } from "./shards.ts";

/** How the streams of a sharded feed are made. */
export type ShardOptions = Omit<
  StreamOptions,
  "subjects" | "sources" | "retention" | "maxAgeMs" | "maxMessagesPerSubject"
>;

/** So many streams are made at the same time. */
const AT_ONCE = 16;

/**
 * Makes the streams of a sharded feed that are not there; those that are stay as they are.
 *
 * @param feed where streams are
 * @param layout the layout
 * @param options how they are made
 * @throws {PartiError} what the server says; the streams made before stay
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
  feed: Pick<FeedStore, "ensureStream">,
  layout: ShardedFeed,
  options: ShardOptions,
): Promise<void> {
  await makeAll(feed, layout, options, (subject) => ({ subjects: [subject] }));
}

/** From where a sharded feed takes its messages. */
export interface ShardsFrom {
  /** The stream, of any retention that keeps messages for its other readers. */
  readonly stream: string;
  /** Which of its subjects, with `*` for each token of the key, such as `orders.*`. */
  readonly subject: string;
  /**
   * How long the server keeps what it has sorted and not yet stored in all shards, in milliseconds. A shard's stream that is out of reach for
   * longer, as that of a cluster may be, misses messages. A day unless told otherwise.
   */
  readonly maxAgeMs?: number;
}

const DAY_MS = 86_400_000;

/**
 * Makes a sharded feed of a stream that the application has already: the server takes its messages over, computes their shards, and keeps them
 * in the shards until they are handled. The stream stays as it is, so that several groups can have a feed of it each, under names and subject
 * templates of their own.
 *
 * Between the two lies a stream `<name>-IN`, where all messages are stored once more: a source cannot choose by what its own transform says.
 * It has limits and no work queue, since nats-server takes a message out of a work queue before the shard has stored it (2.10.27: of
 * 30,000 messages 2,250 and 3,083 were lost when the server was killed meanwhile).
 *
 * @param feed where streams are
 * @param layout the feed to be made
 * @param from what it is made from
 * @param options how its streams are made
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the subject has no `*`, or what the server says; the streams made before stay
 */
export async function makeShardsFrom(
  feed: Pick<FeedStore, "ensureStream">,
  layout: ShardedFeed,
  from: ShardsFrom,
  options: ShardOptions,
): Promise<void> {
  const sorted = `${layout.stream}-IN`;
  const transform = { from: from.subject, to: sortedSubject(layout, from.subject) };
  await feed.ensureStream(sorted, {
    ...options,
    ...{ subjects: [], retention: "limits", maxAgeMs: from.maxAgeMs ?? DAY_MS },
    sources: [{ stream: from.stream, transform }],
  });
  await makeAll(feed, layout, options, (filterSubject) => ({
    subjects: [],
    sources: [{ stream: sorted, filterSubject }],
  }));
}

/** As what the server stores a message: its shard by the tokens of its key, and these. */
function sortedSubject({ subjectTemplate, shards }: ShardedFeed, subject: string): string {
  const count = subject.split(".").filter((token) => token === "*").length;
  if (count === 0) {
    throw new PartiError("PARTI_INVALID_CONFIG", `${subject} says not where the key is`, {
      value: subject,
      hint: "put a * for each token of the key, as in orders.*",
    });
  }
  const tokens = Array.from({ length: count }, (_, i) => i + 1);
  return subjectTemplate.replace("{{.Shard}}", `{{partition(${shards},${tokens.join(",")})}}`)
    .replace("{{.PartitionID}}", tokens.map((n) => `{{wildcard(${n})}}`).join("."));
}

async function makeAll(
  feed: Pick<FeedStore, "ensureStream">,
  { stream, subjectTemplate, shards }: ShardedFeed,
  options: ShardOptions,
  contentOf: (subject: string) => Pick<StreamOptions, "subjects" | "sources">,
): Promise<void> {
  for (let first = 0; first < shards; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, shards - first);
    await Promise.all(Array.from({ length: count }, (_, i) => {
      const content = contentOf(`${keyPrefix(subjectTemplate, first + i)}>`);
      const all: StreamOptions = { ...options, ...content, retention: "workqueue" };
      return feed.ensureStream(shardStream(stream, first + i), all);
    }));
  }
}
