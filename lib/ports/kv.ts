/**
 * A key-value bucket with revisions, as JetStream KV gives it. Ownership is decided by its compare-and-set, by nothing else.
 *
 * @module
 */

/** One state of one key. */
export interface KvEntry {
  /** The key. */
  readonly key: string;
  /** The value; empty for a removal. */
  readonly value: Uint8Array;
  /** Grows with every write to the bucket, across expiry and re-creation of the key: a fencing token. */
  readonly revision: number;
  /** `put` for a value, `removed` for a deletion, purge or expiry marker. */
  readonly operation: "put" | "removed";
}

/** What {@linkcode KvBucket.watch} reports. */
export interface KvWatchHandler {
  /** A key changed, or its present state is being listed. Called in revision order per key. */
  onEntry(entry: KvEntry): void;
  /** All states that existed when the watch began have been reported (also for an empty bucket). */
  onInitialized?(): void;
  /** The watch is over although nobody closed it; open a new one and list again. */
  onLost(error: unknown): void;
}

/** A running watch. */
export interface KvWatch {
  /** Ends the watch; no call-back comes afterwards. */
  close(): Promise<void>;
}

/** How a watch is kept. */
export interface KvWatchOptions {
  /**
   * While nothing changes the server says this often that the watch is still there, in milliseconds, so two or three times as long is how
   * long a watch that ended without a word goes unnoticed. Each word is a message for each watch: what many watch should not be
   * talked about every second.
   */
  readonly heartbeatMs?: number;
}

/**
 * An open bucket. All methods throw {@linkcode PartiError}: `PARTI_TIMEOUT` (no answer in time, or the connection went before it: the
 * outcome of a write is then unknown, read and compare), `PARTI_DISCONNECTED` (nothing was sent), `PARTI_NO_RESPONDERS`, `PARTI_TOO_LARGE`, `PARTI_REFUSED`, and `PARTI_CONFLICT` where noted.
 */
export interface KvBucket {
  /** The bucket's name. */
  readonly name: string;
  /** Writes a key that must not exist. Throws `PARTI_CONFLICT` if it does. Returns the revision. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Writes a key whose latest revision must be `revision`. Throws `PARTI_CONFLICT` if it is not. Returns the new revision. */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Writes a key whatever it was. For data nobody decides by (chunks), never for a lease. Returns the revision. */
  put(key: string, value: Uint8Array): Promise<number>;
  /** The latest state; undefined if the key never was, was removed or has expired. May be stale: never decide on it alone. */
  get(key: string): Promise<KvEntry | undefined>;
  /** Removes a key whose latest revision must be `revision`, or unconditionally without one. Throws `PARTI_CONFLICT`. */
  remove(key: string, revision?: number): Promise<void>;
  /**
   * Takes a key away for good, whatever its revision: nothing stays behind, no revision is used, and watches are told nothing. For
   * data nobody decides by (chunks), never for a lease. Where the user may not do that, it is a {@linkcode KvBucket.remove}, whose
   * marker stays; on NATS it takes the permission to publish to `$JS.API.STREAM.PURGE.KV_<bucket>`. Harmless if there is no such key.
   * After a crash of the server it may be there again, or what it was before.
   */
  erase(key: string): Promise<void>;
  /** The present entries whose keys match, removed ones left out. `pattern` is a NATS subject pattern such as `worker.*`. */
  list(pattern: string): Promise<KvEntry[]>;
  /**
   * Reports the present entries and later changes of keys that match `pattern`. The latest state of a key is always reported; one
   * that was overwritten before it could be reported may be left out. An expiry is reported only where the server leaves markers.
   */
  watch(pattern: string, handler: KvWatchHandler, options?: KvWatchOptions): Promise<KvWatch>;
}

/** How a bucket is made if it is not there. */
export interface KvBucketOptions {
  /** Keys vanish this long after their last write; 0 keeps them for ever. */
  readonly ttlMs: number;
  /** How many servers hold it, 1 to 5. */
  readonly replicas: number;
  /** Where it is kept. */
  readonly storage: "file" | "memory";
  /**
   * What a removal leaves vanishes so long after it, in milliseconds (NATS counts whole seconds), where the server can see to that (2.11)
   * and the bucket was made so; otherwise, and unless given, it lies there as long as any value.
   */
  readonly removalsTtlMs?: number;
}

/** Buckets by name. */
export interface KvStore {
  /**
   * Opens a bucket, creating it if needed. An existing bucket keeps its own settings; where they differ from `options`
   * `onDrift` is told, once per setting.
   */
  open(
    name: string,
    options: KvBucketOptions,
    onDrift?: (setting: string, actual: unknown, wanted: unknown) => void,
  ): Promise<KvBucket>;
  /** What tells a bucket from those of its name before and after it; undefined if there is none. Whoever has it open is not told of another. */
  identify(name: string): Promise<string | undefined>;
  /** Removes a bucket and all it holds; harmless if it is not there. */
  destroy(name: string): Promise<void>;
}
