/**
 * A sharded feed: S streams instead of one. A message's key decides in which it lies, and a shard moves between workers as a whole. It is for
 * throughput and for many keys: an unfiltered consumer reads what comes next, where a filtered one looks for it, and each stream of a cluster
 * has a leader of its own.
 *
 * The shard of a key is what nats-server's own subject mapping `{{partition(S,…)}}` computes, so that producers in any language can leave it
 * to the server: the FNV-1a hash of the key's tokens, 32 bits, modulo S.
 *
 * @module
 */
import { checkPartitionId, type Partition, type PartitionId } from "../assignment/partition.ts";
import { PartiError } from "../errors.ts";
import { shardsMade } from "../names.ts";

/** How a sharded feed is laid out. The same for everybody who writes to it or reads from it, and for as long as it lives. */
export interface ShardedFeed {
  /** What its streams' names begin with: `ORDERS` for `ORDERS-0`, `ORDERS-1`, … */
  readonly stream: string;
  /** A message's subject, with `{{.Shard}}` as a token and `{{.PartitionID}}` at the end. */
  readonly subjectTemplate: string;
  /** How many shards there are. */
  readonly shards: number;
}

/** More streams than this are too many for one server: a shard costs it about as much as a hundred consumers. */
export const SHARDS_MAX = 1_024;

const SHARD_PLACEHOLDER = "{{.Shard}}";
const KEY_PLACEHOLDER = "{{.PartitionID}}";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

const encoder = new TextEncoder();

/**
 * The shard of a key.
 *
 * @param id the key: a partition's identity
 * @param shards how many shards there are
 * @returns its number, from 0
 */
export function shardOf(id: PartitionId, shards: number): number {
  let hash = FNV_OFFSET;
  // The server hashes the tokens one after the other, without their dots.
  for (const byte of encoder.encode(id.replaceAll(".", ""))) {
    hash = Math.imul(hash ^ byte, FNV_PRIME);
  }
  return (hash >>> 0) % shards;
}

/**
 * The subject to publish a key's messages to.
 *
 * @param feed the layout
 * @param id the key: a partition's identity
 * @returns the subject, in the stream of the key's shard
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is no layout: the template, or the number of shards; `PARTI_INVALID_PARTITION` if the
 * key has an empty token, a wildcard or white space
 *
 * @example
 * ```ts
 * import { shardSubject } from "@parti/parti";
 * const feed = { stream: "ORDERS", subjectTemplate: "orders.{{.Shard}}.{{.PartitionID}}", shards: 16 };
 * console.log(shardSubject(feed, "tenant-7")); // orders.13.tenant-7
 * ```
 */
export function shardSubject(feed: Omit<ShardedFeed, "stream">, id: PartitionId): string {
  checkLayout(feed);
  checkPartitionId(id);
  return keyPrefix(feed.subjectTemplate, shardOf(id, feed.shards)) + id;
}

/**
 * Checks a layout: whoever publishes by a wrong one stores messages where nobody looks for them.
 *
 * @param feed the layout
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it cannot be one
 */
export function checkLayout({ subjectTemplate, shards }: Omit<ShardedFeed, "stream">): void {
  if (!isShardTemplate(subjectTemplate)) {
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `${subjectTemplate} is no sharded feed's template`,
      {
        value: subjectTemplate,
        hint: "{{.Shard}} has to be a token of it and {{.PartitionID}} its end",
      },
    );
  }
  if (Number.isInteger(shards) && shards >= 1 && shards <= SHARDS_MAX) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `${shards} is no number of shards`, {
    value: shards,
    hint: `a whole number from 1 to ${SHARDS_MAX}`,
  });
}

/**
 * What the subjects of a shard's messages begin with; the rest is the key.
 *
 * @param subjectTemplate the feed's template
 * @param shard the shard's number
 * @returns the beginning, with its last dot
 */
export function keyPrefix(subjectTemplate: string, shard: number): string {
  return subjectTemplate.replace(SHARD_PLACEHOLDER, () => String(shard))
    .slice(0, -KEY_PLACEHOLDER.length);
}

/**
 * Checks that a key may lie in a shard. Whoever published it by another number of shards has put one key into two of them: two workers would
 * handle it at once, and an output guarded by sequences would take the messages of one stream for those of the other.
 *
 * @param id the key
 * @param shard the number of the shard it lies in
 * @param shards how many shards there are
 * @throws {PartiError} `PARTI_INVALID_PARTITION` if it belongs into another shard, or is no key
 */
export function checkKey(id: PartitionId, shard: number, shards: number): void {
  checkPartitionId(id);
  const own = shardOf(id, shards);
  if (own === shard) return;
  throw new PartiError(
    "PARTI_INVALID_PARTITION",
    `key ${id} lies in shard ${shard}, and of ${shards} shards it belongs into ${own}`,
    {
      value: id,
      hint:
        "all that publish to the feed need the same number of shards as the group; publish the message again under its right subject",
    },
  );
}

/**
 * The stream of a shard.
 *
 * @param stream what the streams' names begin with
 * @param shard the shard's number
 */
export function shardStream(stream: string, shard: number): string {
  return `${stream}-${shard}`;
}

/**
 * Checks that a stream was made as one of so many shards: with another number keys would go on in other streams, and some would be read by
 * nobody.
 *
 * @param stream the shard's stream
 * @param metadata what is written on it; nothing if it was not made by `makeShards`, or by an earlier version
 * @param shards how many there are said to be
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it was another number
 */
export function checkShardsMade(
  stream: string,
  metadata: Readonly<Record<string, string>>,
  shards: number,
): void {
  const made = shardsMade(metadata);
  if (made === undefined || made === shards) return;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `stream ${stream} was made as one of ${made} shards, not of ${shards}`,
    {
      value: shards,
      hint:
        `say ${made} shards; or begin a new feed under another name and let this one drain, since a key would go on in another stream`,
    },
  );
}

/**
 * All streams of a feed.
 *
 * @param stream its stream, or what its streams' names begin with
 * @param shards how many shards there are; undefined if the feed is one stream
 */
export function feedStreams(stream: string, shards: number | undefined): string[] {
  return shards === undefined
    ? [stream]
    : Array.from({ length: shards }, (_, shard) => shardStream(stream, shard));
}

/**
 * The shards as the group shares them: each is a partition.
 *
 * @param shards how many there are
 * @returns partitions `shard-0`, `shard-1`, …
 */
export function shardPartitions(shards: number): Partition[] {
  return Array.from({ length: shards }, (_, shard) => ({ keys: [shardId(shard)] }));
}

/**
 * A shard's identity as a partition.
 *
 * @param shard its number
 * @returns `shard-0`, `shard-1`, …
 */
export function shardId(shard: number): PartitionId {
  return `shard-${shard}`;
}

/**
 * The number of a shard.
 *
 * @param id a partition's identity, as {@linkcode shardPartitions} makes it
 * @param shards how many shards there are
 * @returns its number
 * @throws {PartiError} `PARTI_INVALID_PARTITION` if it is not one of them
 */
export function shardNumber(id: PartitionId, shards: number): number {
  const match = /^shard-(0|[1-9]\d*)$/.exec(id);
  const shard = Number(match?.[1]);
  if (match !== null && shard < shards) return shard;
  throw new PartiError("PARTI_INVALID_PARTITION", `${id} is no shard of a feed of ${shards}`, {
    value: id,
    hint: "all workers of a group need the same consumer.shards",
  });
}

/**
 * Whether a template can be that of a sharded feed.
 *
 * @param template a subject, as a user writes it
 * @returns true if `{{.Shard}}` is one of its tokens and `{{.PartitionID}}` its end
 */
export function isShardTemplate(template: string): boolean {
  const tokens = template.split(`.${KEY_PLACEHOLDER}`)[0]!.split(SHARD_PLACEHOLDER);
  const [before, after] = tokens;
  return template.endsWith(`.${KEY_PLACEHOLDER}`) && tokens.length === 2 &&
    (before === "" || before!.endsWith(".")) && (after === "" || after!.startsWith("."));
}
