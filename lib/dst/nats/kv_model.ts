/**
 * The buckets of a server. Those on disk survive its process, those in memory vanish with it.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { KvBucketOptions } from "../../ports/kv.ts";
import { BucketModel } from "./bucket_model.ts";
import { BucketReader, type ReaderOptions } from "./bucket_reader.ts";
import { refusal } from "./refusal.ts";
import type { ModelServer, ServerPart, ServerSession } from "./server.ts";

/** The shortest time to live a server takes, in milliseconds. */
const MIN_TTL_MS = 100;

const models = new WeakMap<ModelServer, KvModel>();

/** All buckets. */
export class KvModel implements ServerPart {
  readonly #server: ModelServer;
  readonly #buckets = new Map<string, BucketModel>();
  readonly #readers = new Map<ServerSession, Set<BucketReader>>();
  #created = 0;

  private constructor(server: ModelServer) {
    this.#server = server;
  }

  /**
   * The one model of a server, made on first use.
   *
   * @param server the server
   * @returns its model
   */
  static of(server: ModelServer): KvModel {
    let model = models.get(server);
    if (model === undefined) {
      model = new KvModel(server);
      server.add(model);
      models.set(server, model);
    }
    return model;
  }

  /** How many readers there are: what was closed must leave none. */
  get readerCount(): number {
    let count = 0;
    for (const readers of this.#readers.values()) count += readers.size;
    return count;
  }

  /**
   * A bucket.
   *
   * @param name its name
   * @returns the bucket
   * @throws {PartiError} `PARTI_NOT_FOUND` if there is none
   */
  bucket(name: string): BucketModel {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined) return bucket;
    throw refusal(10059, `bucket ${name}`);
  }

  /** A bucket; undefined if there is none. For a simulation's observer. */
  find(name: string): BucketModel | undefined {
    return this.#buckets.get(name);
  }

  /**
   * A bucket to write to. A write goes to a subject, and where no bucket is, nobody listens.
   *
   * @param name its name
   * @returns the bucket
   * @throws {PartiError} `PARTI_NO_RESPONDERS` if there is none
   */
  writable(name: string): BucketModel {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined) return bucket;
    throw new PartiError("PARTI_NO_RESPONDERS", `nobody answers on $KV.${name}.>`, { value: name });
  }

  /**
   * Makes a bucket; one that is there with the same settings is left as it is.
   *
   * @param name its name
   * @param settings its settings
   * @returns the bucket
   * @throws {PartiError} `PARTI_CONFLICT` if it is there with others, `PARTI_REFUSED` if the settings are not allowed
   */
  create(name: string, settings: KvBucketOptions): BucketModel {
    const { ttlMs, replicas, storage, removalsTtlMs } = settings;
    const existing = this.#buckets.get(name);
    if (existing !== undefined) {
      const is = existing.settings;
      const isSame = is.ttlMs === ttlMs && is.replicas === replicas && is.storage === storage &&
        // How long is said with each removal; that it may be is the bucket's.
        (is.removalsTtlMs === undefined) === (removalsTtlMs === undefined);
      if (isSame) return existing;
      throw refusal(10058, `create bucket ${name}`);
    }
    if (ttlMs > 0 && ttlMs < MIN_TTL_MS) {
      throw refusal(10052, `create bucket ${name}`);
    }
    const bucket = new BucketModel(this.#server, name, ++this.#created, {
      ttlMs,
      replicas,
      storage,
      ...(removalsTtlMs === undefined ? {} : { removalsTtlMs }),
    });
    this.#buckets.set(name, bucket);
    return bucket;
  }

  /**
   * Removes a bucket; harmless if there is none.
   *
   * @param name its name
   */
  destroy(name: string): void {
    const bucket = this.#buckets.get(name);
    this.#buckets.delete(name);
    bucket?.remove();
  }

  /**
   * Adds a reader; it ends with its connection.
   *
   * @param session the connection
   * @param name the bucket's name
   * @param options what it reads and whom it tells
   * @returns the reader, which waits to be told to begin
   * @throws {PartiError} `PARTI_NOT_FOUND` if there is no such bucket
   */
  read(session: ServerSession, name: string, options: ReaderOptions): BucketReader {
    const readers = this.#readersOf(session);
    const onEnd = (): void => void readers.delete(reader);
    const reader = new BucketReader(this.#server, this.bucket(name), session, options, onEnd);
    readers.add(reader);
    return reader;
  }

  /** See {@linkcode ServerPart.crashed}. */
  crashed(): void {
    this.#readers.clear();
    for (const [name, bucket] of [...this.#buckets]) {
      bucket.stop();
      if (bucket.settings.storage === "memory") this.#buckets.delete(name);
    }
  }

  /** See {@linkcode ServerPart.started}. */
  started(): void {
    for (const bucket of this.#buckets.values()) bucket.start();
  }

  #readersOf(session: ServerSession): Set<BucketReader> {
    let readers = this.#readers.get(session);
    if (readers === undefined) {
      const own = new Set<BucketReader>();
      readers = own;
      this.#readers.set(session, own);
      session.onClose(() => {
        this.#readers.delete(session);
        for (const reader of [...own]) reader.close();
      });
    }
    return readers;
  }
}
