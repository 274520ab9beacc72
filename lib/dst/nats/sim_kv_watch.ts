/**
 * A watch over a simulated connection, as the real adapter does it: whatever may have cost it a state makes it begin anew behind the last
 * one it has seen, and it gives up only where that cannot be done without a gap.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { Timer } from "../../ports/clock.ts";
import type { KvEntry, KvWatch, KvWatchHandler } from "../../ports/kv.ts";
import type { Subscription } from "../../ports/messaging.ts";
import type { BucketReader } from "./bucket_reader.ts";
import type { KvWire } from "./kv_wire.ts";
import type { SubjectMatcher } from "./subject_match.ts";

/** The pause between attempts to begin anew. */
const RETRY_MS = 250;
/** Attempts to begin anew, on a connection that is up, before the watch is given up. */
const RETRIES = 40;

/** See {@linkcode KvWatch}. */
export class SimKvWatch implements KvWatch {
  readonly #wire: KvWire;
  readonly #bucket: string;
  readonly #matches: SubjectMatcher;
  readonly #handler: KvWatchHandler;
  readonly #statusListener: Subscription;
  #bucketCreated = 0;
  #reader: BucketReader | undefined;
  #timer: Timer | undefined;
  #lastRevision = 0;
  #initialized = false;
  #started = false;
  #closed = false;
  #incarnation = 0;
  #failures = 0;

  /**
   * @param wire the connection
   * @param bucket the bucket's name
   * @param matches which keys
   * @param handler what to tell
   */
  constructor(wire: KvWire, bucket: string, matches: SubjectMatcher, handler: KvWatchHandler) {
    this.#wire = wire;
    this.#bucket = bucket;
    this.#matches = matches;
    this.#handler = handler;
    this.#statusListener = wire.link.onStatus((status) => {
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
    this.#bucketCreated = (await this.#info()).created;
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

  #info(): Promise<{ created: number; lastRevision: number }> {
    return this.#wire.ask("kv info", () => {
      const { created, lastRevision } = this.#wire.model.bucket(this.#bucket);
      return { created, lastRevision };
    });
  }

  /** Makes a reader behind the last state seen and tells it to begin. */
  async #open(): Promise<void> {
    const incarnation = ++this.#incarnation;
    const isCurrent = (): boolean => !this.#closed && incarnation === this.#incarnation;
    const handler = {
      onEntries: (entries: readonly KvEntry[], pending: number) => {
        if (isCurrent()) this.#onEntries(incarnation, entries, pending);
      },
      onGone: () => {
        if (isCurrent()) this.#restart();
      },
      onReset: () => {
        if (!isCurrent()) return;
        this.#lose(new PartiError("PARTI_NO_RESPONDERS", `the watch of ${this.#bucket} was reset`));
      },
    };
    const reader = await this.#wire.ask(
      "kv watch",
      (session) =>
        this.#wire.model.read(session, this.#bucket, {
          matches: this.#matches,
          fromRevision: this.#lastRevision + 1,
          handler,
          faults: this.#wire.readerFaults,
        }),
    );
    if (!isCurrent()) {
      this.#closeAtServer(reader);
      return;
    }
    this.#reader = reader;
    this.#wire.link.send("kv watch begins", () => reader.begin());
  }

  #onEntries(incarnation: number, entries: readonly KvEntry[], pending: number): void {
    this.#failures = 0;
    for (const entry of entries) {
      this.#lastRevision = entry.revision;
      try {
        this.#handler.onEntry({ ...entry, value: entry.value.slice() });
      } catch (error) {
        // What a handler throws must not look like a fault of the reader, which would go on behind the entry.
        this.#lose(error);
      }
      if (this.#closed || incarnation !== this.#incarnation) return;
    }
    if (pending > 0 || this.#initialized) return;
    this.#initialized = true;
    this.#handler.onInitialized?.();
  }

  /** Begins anew: now if that is possible, or when the connection is back. */
  #restart(): void {
    if (this.#closed) return;
    this.#dropReader();
    this.#incarnation++;
    if (this.#wire.link.connected) void this.#resume(this.#incarnation);
  }

  /** Never rejects. */
  async #resume(incarnation: number): Promise<void> {
    try {
      const { created, lastRevision } = await this.#info();
      if (this.#closed || incarnation !== this.#incarnation) return;
      if (created !== this.#bucketCreated || lastRevision < this.#lastRevision) {
        this.#lose(new PartiError("PARTI_NOT_FOUND", `bucket ${this.#bucket} was made anew`));
        return;
      }
      await this.#open();
    } catch (error) {
      if (this.#closed) return; // Nobody is left to be told.
      const hopeless = isPartiError(error, "PARTI_NOT_FOUND", "PARTI_REFUSED");
      if (hopeless || ++this.#failures > RETRIES) this.#lose(error);
      else {
        this.#timer?.cancel();
        this.#timer = this.#wire.link.owner.clock.setTimer(RETRY_MS, () => this.#restart());
      }
    }
  }

  #dropReader(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#reader !== undefined) this.#closeAtServer(this.#reader);
    this.#reader = undefined;
  }

  #closeAtServer(reader: BucketReader): void {
    this.#wire.link.send("kv watch ends", () => reader.close());
  }

  #lose(error: unknown): void {
    if (this.#closed) return;
    void this.close();
    this.#handler.onLost(error);
  }
}
