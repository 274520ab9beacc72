/**
 * A watch: an ordered reader of a bucket's stream. Whatever may have cost it a message (a gap in the deliveries, a
 * reconnect, a vanished consumer) makes it begin a new consumer behind the last message it has seen; it gives up only
 * where that cannot be done without a gap.
 *
 * @module
 */
import { nuid } from "@nats-io/nats-core";
import { isPartiError, PartiError, type PartiErrorCode } from "../../errors.ts";
import type { FeedMessage, Pull, PullHandler } from "../feed.ts";
import type { KvWatch, KvWatchHandler } from "../kv.ts";
import type { Subscription } from "../messaging.ts";
import { callApi, repeatApi } from "./api.ts";
import { deleteConsumer } from "./consumers.ts";
import { entryOf } from "./kv_format.ts";
import type { Link } from "./link.ts";
import { patiently } from "./patience.ts";
import { NatsPull, type PullOptions } from "./pull.ts";
import {
  nanosOf,
  type WireConsumerConfig,
  type WireConsumerInfo,
  type WireStreamInfo,
} from "./wire.ts";

/** Messages asked for at a time. */
const PREFETCH = 500;
/** The server forgets a reader nobody pulls from after this long. */
const INACTIVE_MS = 30_000;
/** While the first listing is not over, the server is asked this often whether anything is left to come. */
const CATCH_UP_MS = 250;
/** The pause between attempts to begin anew. */
const RETRY_MS = 250;
/** Attempts to begin anew, on a connection that is up, before the watch is given up. */
const RETRIES = 40;

type LostReason = Parameters<PullHandler["onLost"]>[0];
/** What is said of a reader that ends at once. */
const READER_LOST: Readonly<Record<LostReason, PartiErrorCode>> = {
  deleted: "PARTI_NO_RESPONDERS",
  stalled: "PARTI_TIMEOUT",
  failed: "PARTI_REFUSED",
};

/** See {@linkcode KvWatch}. */
export class KvWatcher implements KvWatch {
  readonly #link: Link;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #filter: string;
  readonly #handler: KvWatchHandler;
  readonly #pullOptions: PullOptions;
  readonly #statusListener: Subscription;
  #streamCreated = "";
  #consumer: string | undefined;
  #pull: Pull | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastSequence = 0;
  #lastDelivery = 0;
  #initialized = false;
  #started = false;
  #closed = false;
  #incarnation = 0;
  /** Whether the reader has said anything yet. */
  #heard = false;
  #failures = 0;

  /**
   * @param link the connection
   * @param stream the bucket's stream
   * @param prefix the bucket's subject prefix
   * @param filter the subjects to watch
   * @param handler what to tell
   * @param pullOptions how the reader behaves
   */
  constructor(
    link: Link,
    stream: string,
    prefix: string,
    filter: string,
    handler: KvWatchHandler,
    pullOptions: PullOptions,
  ) {
    this.#link = link;
    this.#stream = stream;
    this.#prefix = prefix;
    this.#filter = filter;
    this.#handler = handler;
    this.#pullOptions = pullOptions;
    this.#statusListener = link.onStatus((status) => {
      if (status === "closed") {
        this.#lose(new PartiError("PARTI_DISCONNECTED", "the connection was closed"));
      } else if (status === "reconnected" && this.#started) this.#restart();
    });
  }

  /**
   * Begins to report.
   *
   * @throws {PartiError} `PARTI_NOT_FOUND` if there is no such bucket, and as the link does
   */
  async start(): Promise<void> {
    this.#streamCreated = (await this.#streamInfo()).created;
    await this.#open();
    this.#started = true;
  }

  /** See {@linkcode KvWatch.close}. */
  close(): Promise<void> {
    this.#closed = true;
    this.#statusListener.close();
    this.#dropReader();
    return Promise.resolve();
  }

  #streamInfo(): Promise<WireStreamInfo> {
    const what = `describe ${this.#stream}`;
    return repeatApi(this.#link, `STREAM.INFO.${this.#stream}`, undefined, what);
  }

  /** Makes a consumer behind the last message seen and starts to read it. */
  async #open(): Promise<void> {
    const incarnation = ++this.#incarnation;
    const { name, info } = await this.#create(incarnation);
    if (this.#closed || incarnation !== this.#incarnation) {
      this.#deleteQuietly(name);
      return;
    }
    this.#consumer = name;
    this.#lastDelivery = 0;
    this.#heard = false;
    const pull = new NatsPull(
      this.#link,
      this.#stream,
      name,
      {
        onMessage: (message) => this.#onMessage(incarnation, message),
        onDelivered: (sequence) => this.#onHeartbeat(incarnation, sequence),
        onLost: (reason, detail) => {
          if (incarnation === this.#incarnation) this.#onReaderLost(reason, detail);
        },
        onPermission: (refusal) => {
          if (refusal !== undefined && incarnation === this.#incarnation) this.#lose(refusal);
        },
      },
      () => Promise.resolve(false),
      this.#pullOptions,
    );
    this.#pull = pull;
    pull.request(PREFETCH);
    if (info.num_pending === 0) this.#initialize();
    else if (!this.#initialized) this.#checkLater(incarnation);
  }

  /** One that does not come is forgotten by the server, and another one is made under another name. */
  async #create(incarnation: number): Promise<{ name: string; info: WireConsumerInfo }> {
    const deadlineMs = performance.now() + this.#link.timeoutMs;
    for (;;) {
      const name = `parti_watch_${nuid.next()}`;
      try {
        const info = await patiently(this.#link, (timeoutMs) =>
          callApi<WireConsumerInfo>(
            this.#link,
            `CONSUMER.CREATE.${this.#stream}.${name}`,
            { stream_name: this.#stream, config: this.#config(name), action: "create" },
            `watch ${this.#filter}`,
            timeoutMs,
          ));
        return { name, info };
      } catch (error) {
        const again = isPartiError(error, "PARTI_TIMEOUT") && performance.now() < deadlineMs;
        if (!again || this.#closed || incarnation !== this.#incarnation) throw error;
        this.#deleteQuietly(name);
      }
    }
  }

  #config(name: string): WireConsumerConfig {
    return {
      name,
      ack_policy: "none",
      ...(this.#lastSequence === 0
        ? { deliver_policy: "last_per_subject" }
        : { deliver_policy: "by_start_sequence", opt_start_seq: this.#lastSequence + 1 }),
      filter_subject: this.#filter,
      inactive_threshold: nanosOf(INACTIVE_MS),
      replay_policy: "instant",
      mem_storage: true,
      num_replicas: 1,
    };
  }

  #onMessage(incarnation: number, message: FeedMessage): void {
    if (this.#closed || incarnation !== this.#incarnation) return;
    if (message.deliverySequence !== this.#lastDelivery + 1) {
      this.#restart();
      return;
    }
    this.#lastDelivery = message.deliverySequence;
    this.#lastSequence = message.streamSequence;
    this.#isHeard();
    try {
      this.#handler.onEntry(entryOf(this.#prefix, message, message.streamSequence));
    } catch (error) {
      // What a handler throws must not look like a fault of the reader, which would go on behind the entry.
      this.#lose(error);
    }
    if (this.#closed) return;
    if (message.pending === 0) this.#initialize();
    this.#pull?.request(PREFETCH);
  }

  /** What was lost on the way, as between two servers, leaves a hole that only the next message would show. */
  #onHeartbeat(incarnation: number, delivered: number): void {
    if (this.#closed || incarnation !== this.#incarnation) return;
    this.#isHeard();
    if (delivered > this.#lastDelivery) this.#restart();
  }

  #isHeard(): void {
    this.#heard = true;
    this.#failures = 0;
  }

  /** One that ends before it has said anything would do so again and again. */
  #onReaderLost(reason: LostReason, detail: string): void {
    if (this.#heard) return this.#restart();
    const what = `the reader of ${this.#filter} ended at once: ${detail}`;
    this.#failed(new PartiError(READER_LOST[reason], what, { value: detail }));
  }

  #initialize(): void {
    if (this.#initialized) return;
    this.#initialized = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      this.#handler.onInitialized?.();
    } catch (error) {
      this.#lose(error);
    }
  }

  /** What was to come may vanish before it comes (an expiry, an overwrite), and then no message says that it was the last. */
  #checkLater(incarnation: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(incarnation), CATCH_UP_MS);
  }

  async #check(incarnation: number): Promise<void> {
    const current = (): boolean =>
      !this.#closed && !this.#initialized && incarnation === this.#incarnation;
    if (!current() || this.#consumer === undefined) return;
    try {
      const info: WireConsumerInfo = await repeatApi(
        this.#link,
        `CONSUMER.INFO.${this.#stream}.${this.#consumer}`,
        undefined,
        `describe the watch of ${this.#filter}`,
      );
      if (!current()) return;
      const nothingLeft = info.num_pending === 0 &&
        info.delivered.consumer_seq === this.#lastDelivery;
      if (nothingLeft) this.#initialize();
      else this.#checkLater(incarnation);
    } catch (error) {
      if (!current()) return;
      if (isPartiError(error, "PARTI_REFUSED")) this.#lose(error);
      else this.#checkLater(incarnation);
    }
  }

  /** Begins anew: now if that is possible, or when the connection is back. */
  #restart(): void {
    if (this.#closed) return;
    this.#dropReader();
    this.#incarnation++;
    if (this.#link.connected) void this.#resume(this.#incarnation);
  }

  async #resume(incarnation: number): Promise<void> {
    try {
      const info = await this.#streamInfo();
      if (this.#closed || incarnation !== this.#incarnation) return;
      if (info.created !== this.#streamCreated || info.state.last_seq < this.#lastSequence) {
        this.#lose(
          new PartiError("PARTI_NOT_FOUND", `the bucket behind ${this.#filter} was made anew`),
        );
        return;
      }
      await this.#open();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** It is tried again in a while, unless that is hopeless or was done often enough. */
  #failed(error: unknown): void {
    if (this.#closed) return;
    const hopeless = isPartiError(error, "PARTI_NOT_FOUND", "PARTI_REFUSED");
    if (hopeless || ++this.#failures > RETRIES) return this.#lose(error);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#restart(), RETRY_MS);
  }

  #dropReader(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pull?.close();
    this.#pull = undefined;
    if (this.#consumer !== undefined) this.#deleteQuietly(this.#consumer);
    this.#consumer = undefined;
  }

  /** The server forgets it by itself, only later: nobody waits for this, and its failure is nobody's concern. */
  #deleteQuietly(name: string): void {
    if (this.#link.connected) deleteConsumer(this.#link, this.#stream, name).catch(() => {});
  }

  #lose(error: unknown): void {
    if (this.#closed) return;
    void this.close();
    this.#handler.onLost(error);
  }
}
