/**
 * The server's side of a watch: a place in a bucket from which a client is told what is there and then what changes. As with the real
 * server a state that is overwritten before it was sent is never sent.
 *
 * @module
 */
import type { KvEntry } from "../../ports/kv.ts";
import type { BucketFollower, BucketModel } from "./bucket_model.ts";
import type { ModelServer, ServerSession } from "./server.ts";
import type { SubjectMatcher } from "./subject_match.ts";

/** How many states travel as one message; each message may be the last one before the connection goes. */
const BATCH = 50;

/** What a client is told. All of it is called at the client. */
export interface ReaderHandler {
  /**
   * States in the order of their revisions.
   *
   * @param entries the states; none at all says only that nothing was left
   * @param pending how many more were waiting when these were sent
   */
  onEntries(entries: readonly KvEntry[], pending: number): void;
  /** The reader is gone, and with it perhaps the bucket. */
  onGone(): void;
  /** The server has given the watch up. */
  onReset(): void;
}

/** What goes wrong with a reader. Asked at the server whenever there is something to send. */
export interface ReaderFaults {
  /** How long it stands still now, in milliseconds; 0 if it does not. */
  stallMs(): number;
  /** Whether it is given up now. */
  isReset(): boolean;
}

/** What a reader is made from. */
export interface ReaderOptions {
  /** Which keys. */
  readonly matches: SubjectMatcher;
  /** The first revision that counts. */
  readonly fromRevision: number;
  /** Whom it tells. */
  readonly handler: ReaderHandler;
  /** What goes wrong with it. */
  readonly faults: ReaderFaults;
}

/** A reader. */
export class BucketReader implements BucketFollower {
  readonly #server: ModelServer;
  readonly #bucket: BucketModel;
  readonly #session: ServerSession;
  readonly #options: ReaderOptions;
  readonly #onEnd: () => void;
  #nextRevision: number;
  /** It sends only between {@linkcode begin} and its end, and not while it stands still. */
  #sending = false;
  #begun = false;
  #toldAll = false;
  #closed = false;

  /**
   * @param server the server
   * @param bucket what it reads
   * @param session to whom it sends
   * @param options which keys, from where, and whom it tells
   * @param onEnd called once when it ends
   */
  constructor(
    server: ModelServer,
    bucket: BucketModel,
    session: ServerSession,
    options: ReaderOptions,
    onEnd: () => void,
  ) {
    this.#server = server;
    this.#bucket = bucket;
    this.#session = session;
    this.#options = options;
    this.#onEnd = onEnd;
    this.#nextRevision = options.fromRevision;
    bucket.follow(this);
  }

  /** The client is ready: what is there is sent, and from now on what changes. */
  begin(): void {
    if (this.#begun || this.#closed) return;
    this.#begun = true;
    this.#sending = true;
    this.#sendAll();
  }

  /** Ends it. Nothing more is sent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sending = false;
    this.#bucket.unfollow(this);
    this.#onEnd();
  }

  /** See {@linkcode BucketFollower.stored}. */
  stored(entry: KvEntry): void {
    if (this.#sending && this.#options.matches(entry.key)) this.#send([entry]);
  }

  /** See {@linkcode BucketFollower.gone}. */
  gone(): void {
    if (this.#closed) return;
    this.close();
    this.#session.push("kv watch gone", () => this.#options.handler.onGone());
  }

  #sendAll(): void {
    this.#send(this.#bucket.from(this.#nextRevision, this.#options.matches));
  }

  #send(entries: readonly KvEntry[]): void {
    if (entries.length > 0 && this.#isFaulty()) return;
    const { handler } = this.#options;
    for (let start = 0; start < entries.length; start += BATCH) {
      const batch = entries.slice(start, start + BATCH);
      const pending = entries.length - start - batch.length;
      this.#session.push("kv entries", () => handler.onEntries(batch, pending));
    }
    if (entries.length === 0 && !this.#toldAll) {
      // What was to come may have vanished while the reader stood still: then no entry says that it was the last.
      this.#session.push("kv nothing left", () => handler.onEntries([], 0));
    }
    this.#toldAll = true;
    this.#nextRevision = (entries.at(-1)?.revision ?? this.#nextRevision - 1) + 1;
  }

  #isFaulty(): boolean {
    const { faults, handler } = this.#options;
    if (faults.isReset()) {
      this.#session.push("kv watch reset", () => handler.onReset());
      this.close();
      return true;
    }
    const stallMs = faults.stallMs();
    if (stallMs <= 0) return false;
    this.#server.schedule(stallMs, "kv watch goes on", () => {
      if (this.#closed) return;
      this.#sending = true;
      this.#sendAll();
    });
    this.#sending = false;
    return true;
  }
}
