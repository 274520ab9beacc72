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
import type { Clock, Timer } from "../../ports/clock.ts";
import type { KvBucket, KvEntry, KvWatch } from "../../ports/kv.ts";
import { jitter, type Random } from "../../ports/random.ts";
import type { Partition, PartitionSource } from "../partition.ts";
import { normalizePartitions } from "../validate.ts";

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 10_000;

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
  /** Told when the watch was lost or could not be opened; it is opened again with growing delays up to 10 s. */
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
 * Makes a source that reads partitions from a KV bucket and watches them.
 *
 * @param options the bucket and the key
 * @returns the source; its `list` throws `PARTI_SOURCE_FAILED` if the document is missing or malformed
 */
export function kvSource(options: KvSourceOptions): PartitionSource {
  const { bucket, key = "partitions" } = options;
  // A read may be answered by a server that is behind: what a watch has reported of a later revision outweighs it.
  let watched: KvEntry | undefined;
  let listedRevision: number | undefined;
  return {
    async list() {
      let entry = await bucket.get(key);
      if (watched && watched.revision > (entry?.revision ?? 0)) entry = watched;
      listedRevision = entry?.revision ?? 0;
      const where = `key ${key} of bucket ${bucket.name}`;
      if (entry === undefined || entry.operation === "removed") {
        throw new PartiError("PARTI_SOURCE_FAILED", `there is no ${where}`, {
          hint: 'put {"partitions": [{"keys": ["a"]}]} there',
        });
      }
      return decodePartitions(entry.value, where);
    },
    watch(onChange) {
      const watch = new DocumentWatch(options, key, (entry) => {
        // Every new watch begins with the present state, which may be known already.
        if (watched && entry.revision <= watched.revision) return;
        watched = entry;
        if (listedRevision !== undefined && entry.revision > listedRevision) onChange();
      });
      return { close: () => watch.close() };
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

/** Watches one key, and opens the watch again when it is lost: it begins with the present state, so nothing is missed. */
class DocumentWatch {
  readonly #options: KvSourceOptions;
  readonly #key: string;
  readonly #onEntry: (entry: KvEntry) => void;
  #watch: KvWatch | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: KvSourceOptions, key: string, onEntry: (entry: KvEntry) => void) {
    this.#options = options;
    this.#key = key;
    this.#onEntry = onEntry;
    void this.#open();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#watch?.close();
  }

  async #open(): Promise<void> {
    // A watch can be lost while it is still being opened.
    let lost = false;
    const onLost = (error: unknown) => {
      if (lost) return;
      lost = true;
      this.#retry(error);
    };
    try {
      const watch = await this.#options.bucket.watch(this.#key, {
        onEntry: (entry) => {
          if (!lost && !this.#closed) this.#onEntry(entry);
        },
        onInitialized: () => this.#failures = 0,
        onLost,
      });
      if (this.#closed) await watch.close();
      else if (!lost) this.#watch = watch;
    } catch (error) {
      onLost(error);
    }
  }

  #retry(error: unknown): void {
    if (this.#closed) return;
    this.#watch = undefined;
    this.#options.onError?.(error);
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures++);
    const { clock, random } = this.#options;
    this.#timer = clock.setTimer(jitter(random, delayMs), () => void this.#open());
  }
}
