/**
 * Partitions kept in a KV bucket, as one document under one key:
 *
 * ```json
 * { "partitions": [{ "keys": ["tenant-7", "orders"], "weight": 3 }, { "keys": ["tenant-8", "orders"] }] }
 * ```
 *
 * One document rather than a key per partition: a change of many partitions is then one change, seen whole or not at all, and
 * partition keys need not be valid KV keys. It is limited by the server's largest message (1 MB holds about 20,000 partitions).
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../../codec.ts";
import { PartiError } from "../../errors.ts";
import { SteadyWatch } from "../../membership/steady_watch.ts";
import type { Clock } from "../../ports/clock.ts";
import type { KvBucket, KvEntry } from "../../ports/kv.ts";
import type { Random } from "../../ports/random.ts";
import type { Partition, PartitionSource } from "../partition.ts";
import { normalizePartitions } from "../validate.ts";
import { Listeners } from "./listeners.ts";

/** Options of {@linkcode kvSource}. */
export interface KvSourceOptions {
  /** The bucket, open. */
  readonly bucket: KvBucket;
  /** The key of the document; `partitions` unless given. */
  readonly key?: string;
  /** The clock. */
  readonly clock: Clock;
  /** Spreads the retries of many workers. */
  readonly random: Random;
  /** Told when the watch was lost or could not be opened; it is opened again with growing delays up to 5 s. */
  readonly onError?: (error: unknown) => void;
}

/**
 * The document for a list of partitions, for whoever writes it.
 *
 * @param list the partitions
 * @returns the value to put
 * @throws {PartiError} `PARTI_INVALID_PARTITION` for a bad key or weight, or for one partition with two weights
 */
export function encodePartitions(list: readonly Partition[]): Uint8Array {
  normalizePartitions(list);
  return encodeJson({ partitions: list.map(({ keys, weight }) => ({ keys, weight })) });
}

/**
 * Makes a source that reads partitions from a KV bucket and watches them. All watchers share one watch on the bucket.
 *
 * @param options the bucket and the key
 * @returns the source; its `list` throws `PARTI_SOURCE_FAILED` if the document is missing or malformed
 */
export function kvSource(options: KvSourceOptions): PartitionSource {
  const { bucket, key = "partitions", clock, random, onError } = options;
  const listeners = new Listeners();
  let watch: SteadyWatch | undefined;
  // A read may be answered by a server that is behind: what the watch has reported of a later revision outweighs it.
  let watched: KvEntry | undefined;
  /** The revision seen last, 0 for no document; undefined before the first. */
  let known: number | undefined;

  /** Whoever sees something new first, a list or the watch, tells everybody: a watcher does not know what others have listed. */
  const see = (revision: number) => {
    const isNews = known !== undefined && revision !== known;
    known = revision;
    if (isNews) listeners.notify();
  };
  const openWatch = () =>
    new SteadyWatch({
      bucket,
      pattern: key,
      clock,
      random,
      onEntry: (entry) => {
        watched = entry;
        see(entry.revision);
      },
      onInitialized: () => {},
      onAnew: () => {
        watched = undefined;
        if (known !== undefined) known = 0;
      },
      onError: (error) => onError?.(error),
    });
  return {
    async list() {
      let entry = await bucket.get(key);
      if (watched && watched.revision > (entry?.revision ?? 0)) entry = watched;
      see(entry?.revision ?? 0);
      const where = `key ${key} of bucket ${bucket.name}`;
      if (entry === undefined || entry.operation === "removed") {
        throw new PartiError("PARTI_SOURCE_FAILED", `there is no ${where}`, {
          hint: 'put {"partitions": [{"keys": ["a"]}]} there',
        });
      }
      return decodePartitions(entry.value, where);
    },
    watch(onChange) {
      const remove = listeners.add(onChange);
      watch ??= openWatch();
      return {
        async close() {
          remove();
          if (listeners.size > 0) return;
          const ended = watch;
          watch = undefined;
          // Nobody would notice that it is no longer true.
          watched = undefined;
          await ended?.close();
        },
      };
    },
  };
}

function decodePartitions(value: Uint8Array, where: string): Partition[] {
  const list = decodeJsonObject(value)?.partitions;
  if (!Array.isArray(list) || !list.every(isPartition)) {
    throw new PartiError("PARTI_SOURCE_FAILED", `${where} does not hold a list of partitions`, {
      hint: 'it should look like {"partitions": [{"keys": ["a"], "weight": 1}]}',
    });
  }
  return list;
}

function isPartition(value: unknown): value is Partition {
  if (typeof value !== "object" || value === null) return false;
  const { keys, weight } = value as { keys?: unknown; weight?: unknown };
  return Array.isArray(keys) && keys.every((key) => typeof key === "string") &&
    (weight === undefined || typeof weight === "number");
}
