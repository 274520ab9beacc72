/**
 * An open bucket on a real server. In the format of all NATS clients, but over the library's own requests: a failed
 * compare must not be told apart from an unknown outcome by a text, and nothing may be retried behind the caller's back.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { KvBucket, KvEntry, KvWatch, KvWatchHandler, KvWatchOptions } from "../kv.ts";
import { callApi } from "./api.ts";
import { checkKey, checkPattern, entryOf, OPERATION_HEADER, streamOf } from "./kv_format.ts";
import { KvWatcher } from "./kv_watch.ts";
import type { Link } from "./link.ts";
import type { Publisher } from "./publisher.ts";
import type { PullOptions } from "./pull.ts";
import { shareWatch } from "./shared_watch.ts";
import { readLastMessage } from "./stored_message.ts";

/** How often a create is tried against removal markers that come and go. */
const CREATE_ATTEMPTS = 4;
const EMPTY = new Uint8Array(0);
/** How long a message lies in its stream. */
const TTL_HEADER = "Nats-TTL";

/** How a bucket behaves. */
export interface KvOptions {
  /** How long a read, a write or a listing waits, in milliseconds. */
  readonly timeoutMs: number;
  /** How the reader behind a watch behaves. */
  readonly pull: PullOptions;
  /** How long what a removal leaves lies there, in milliseconds; as long as any value unless given. */
  readonly removalsTtlMs?: number | undefined;
}

/** See {@linkcode KvBucket}. */
export class NatsKvBucket implements KvBucket {
  /** The bucket's name. */
  readonly name: string;
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #options: KvOptions;
  #mayPurge = true;

  /**
   * @param link the connection
   * @param publisher how it writes; buckets may have one in common
   * @param name the bucket, which exists
   * @param options how to behave
   */
  constructor(link: Link, publisher: Publisher, name: string, options: KvOptions) {
    this.name = name;
    this.#link = link;
    this.#publisher = publisher;
    this.#stream = streamOf(name);
    this.#prefix = `$KV.${name}.`;
    this.#options = options;
  }

  /** See {@linkcode KvBucket.create}. */
  async create(key: string, value: Uint8Array): Promise<number> {
    let expected = 0;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#write(key, value, expected);
      } catch (error) {
        if (!isPartiError(error, "PARTI_CONFLICT") || attempt === CREATE_ATTEMPTS) throw error;
        // A removal leaves a marker, and the marker is the subject's last message: the key is free, but not at 0.
        const last = await this.#last(key);
        if (last?.operation === "put") throw error;
        expected = last?.revision ?? 0;
      }
    }
  }

  /** See {@linkcode KvBucket.update}. */
  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    if (!(revision > 0)) {
      // 0 would mean "there is none" to the server, and update would create.
      throw new PartiError("PARTI_CONFLICT", `no revision ${revision} of ${key} can exist`, {
        value: revision,
        hint: "use create for a key that does not exist",
      });
    }
    return await this.#write(key, value, revision);
  }

  /** See {@linkcode KvBucket.put}. */
  put(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, undefined);
  }

  /** See {@linkcode KvBucket.get}. */
  async get(key: string): Promise<KvEntry | undefined> {
    const last = await this.#last(key);
    return last?.operation === "put" ? last : undefined;
  }

  /** See {@linkcode KvBucket.remove}. */
  async remove(key: string, revision?: number): Promise<void> {
    const { removalsTtlMs } = this.#options;
    const ttl = removalsTtlMs === undefined
      ? {}
      : { [TTL_HEADER]: `${Math.ceil(removalsTtlMs / 1_000)}s` };
    await this.#write(key, EMPTY, revision, { [OPERATION_HEADER]: "DEL", ...ttl });
  }

  /** See {@linkcode KvBucket.erase}. */
  async erase(key: string): Promise<void> {
    const filter = this.#prefix + checkKey(key);
    if (this.#mayPurge) {
      const { timeoutMs } = this.#options;
      try {
        const path = `STREAM.PURGE.${this.#stream}`;
        return void await callApi(this.#link, path, { filter }, `erase ${key}`, timeoutMs);
      } catch (error) {
        if (!isPartiError(error, "PARTI_REFUSED")) throw error;
        // Not asked again: it takes another permission, or another configuration of the stream.
        this.#mayPurge = false;
      }
    }
    await this.remove(key);
  }

  /** See {@linkcode KvBucket.list}. */
  async list(pattern: string): Promise<KvEntry[]> {
    const entries = new Map<string, KvEntry>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let watch: KvWatch | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const { timeoutMs } = this.#options;
        timer = setTimeout(
          () => reject(new PartiError("PARTI_TIMEOUT", `no listing within ${timeoutMs} ms`)),
          timeoutMs,
        );
        const handler: KvWatchHandler = {
          onEntry: (entry) => entries.set(entry.key, entry),
          onInitialized: resolve,
          onLost: reject,
        };
        const watcher = this.#watcher(pattern, handler);
        watch = watcher;
        watcher.start().catch(reject);
      });
    } finally {
      clearTimeout(timer);
      await watch?.close();
    }
    return [...entries.values()].filter((entry) => entry.operation === "put");
  }

  /** See {@linkcode KvBucket.watch}. */
  async watch(
    pattern: string,
    handler: KvWatchHandler,
    { heartbeatMs }: KvWatchOptions = {},
  ): Promise<KvWatch> {
    const make = (told: KvWatchHandler) => this.#watcher(pattern, told, heartbeatMs);
    // What is read anew for whoever comes later is one entry; without a connection each finds that out by itself.
    if (!/[*>]/.test(pattern) && this.#link.connected) {
      const how = JSON.stringify([this.#options.pull, heartbeatMs]);
      const read = () => this.#last(pattern);
      return await shareWatch(this.#link, `${this.#prefix}${pattern} ${how}`, make, read, handler);
    }
    const watcher = make(handler);
    try {
      await watcher.start();
    } catch (error) {
      await watcher.close();
      throw error;
    }
    return watcher;
  }

  #watcher(pattern: string, handler: KvWatchHandler, heartbeatMs?: number): KvWatcher {
    const filter = this.#prefix + checkPattern(pattern);
    const { pull: own } = this.#options;
    // The server takes no more than half of the time after which it ends a request.
    const pull = heartbeatMs === undefined
      ? own
      : { ...own, heartbeatMs: Math.min(heartbeatMs, own.expiresMs / 2) };
    return new KvWatcher(this.#link, this.#stream, this.#prefix, filter, handler, pull);
  }

  async #write(
    key: string,
    value: Uint8Array,
    expected: number | undefined,
    headers?: Readonly<Record<string, string>>,
  ): Promise<number> {
    const ack = await this.#publisher.publish(this.#prefix + checkKey(key), value, {
      timeoutMs: this.#options.timeoutMs,
      ...(expected === undefined ? {} : { expectedLastSubjectSequence: expected }),
      ...(headers === undefined ? {} : { headers }),
    });
    return ack.sequence;
  }

  async #last(key: string): Promise<KvEntry | undefined> {
    const subject = this.#prefix + checkKey(key);
    const { timeoutMs } = this.#options;
    const message = await readLastMessage(this.#link, this.#stream, subject, timeoutMs);
    return message && entryOf(this.#prefix, message, message.sequence);
  }
}
