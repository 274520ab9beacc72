/**
 * What comes from the source: a pull from one consumer, checked and bounded.
 *
 * @module
 */
import type { PartitionId } from "../../assignment/partition.ts";
import { describeError, PartiError } from "../../errors.ts";
import type { FeedMessage, FeedStore, Pull } from "../../ports/feed.ts";
import type { CopiedMessage } from "./copy_record.ts";
import type { SourceSubjects } from "./copy_source.ts";
import { SOURCE_ID_HEADER } from "./shard_writer.ts";

/** A batch has no more messages than this. */
export const BATCH_MESSAGES_MAX = 1_000;
/** A batch of several messages has no more than this, headers included, in bytes. */
export const BATCH_BYTES_MAX = 512 * 1_024;
/** So many messages may wait here … */
const WAITING_MESSAGES_MAX = 2 * BATCH_MESSAGES_MAX;
/** … as long as they are not larger than this, in bytes, by the sizes of those that came lately. */
const WAITING_BYTES_MAX = 8 * 1_024 * 1_024;
/** How large messages are taken to be until one has come, in bytes. */
const FIRST_GUESS_BYTES = 16 * 1_024;
/** The guess comes down from the largest message by this part with each one. */
const GUESS_DECAY = 1 / 64;

/** What a reader needs. */
export interface CopyReaderOptions {
  /** Where streams are. */
  readonly feed: Pick<FeedStore, "pull">;
  /** The source. */
  readonly stream: string;
  /** The consumer, which reads what follows `upTo`. */
  readonly consumer: string;
  /** Where the key of a message is. */
  readonly subjects: SourceSubjects;
  /** What is recorded already: it is acknowledged if it comes. */
  readonly upTo: number;
  /** Told of the messages before and behind a gap in what comes, by their sequences. */
  readonly onGap: (after: number, before: number) => void;
  /** Told of what is odd and does not end it. */
  readonly onError: (error: unknown) => void;
}

/** The next messages of the source. */
export interface CopyBatch {
  /** How many messages it has taken from those that wait, those that are not copied included. */
  readonly count: number;
  /** The last one's place in the source. */
  readonly upTo: number;
  /** What is to be copied. */
  readonly messages: CopiedMessage[];
}

interface Waiting {
  readonly message: FeedMessage;
  readonly key: PartitionId | undefined;
}

/** Reads a source. */
export class CopyReader {
  readonly #options: CopyReaderOptions;
  readonly #pull: Pull;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #guessBytes = FIRST_GUESS_BYTES;
  #delivered = 0;
  #seen: number;
  #upTo: number;
  #pending = 0;
  #ended: string | undefined;
  #wake = Promise.withResolvers<void>();

  /** @param options what it needs; the consumer must exist */
  constructor(options: CopyReaderOptions) {
    this.#options = options;
    this.#seen = options.upTo;
    this.#upTo = options.upTo;
    this.#pull = options.feed.pull(options.stream, options.consumer, {
      onMessage: (message) => this.#take(message),
      onLost: (reason, detail) => this.end(`${reason}: ${detail}`),
      onPermission: (refusal) => refusal && options.onError(refusal),
    });
    this.#refill();
  }

  /** Why it has ended and another consumer is needed; undefined while it reads. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** How many messages of the source are neither recorded nor acknowledged, as far as this is known here. */
  get lag(): number {
    return this.#pending + this.#waiting.length;
  }

  /** Whether nothing waits, neither here nor in the source as far as this is known. */
  get isIdle(): boolean {
    return this.lag === 0;
  }

  /** Settles when a message waits or it has ended. */
  ready(): Promise<void> {
    if (this.#waiting.length > 0 || this.#ended !== undefined) return Promise.resolve();
    return this.#wake.promise;
  }

  /**
   * Looks at the messages that wait longest.
   *
   * @param bytesMax how large they may be together, in bytes; one may always be
   * @returns as many as are allowed
   */
  next(bytesMax: number): CopyBatch {
    const messages: CopiedMessage[] = [];
    let bytes = 0;
    let count = 0;
    let upTo = this.#upTo;
    for (const { message, key } of this.#waiting) {
      if (count === BATCH_MESSAGES_MAX) break;
      if (key !== undefined) {
        const copied = this.#copyOf(message, key);
        bytes += sizeOf(copied);
        if (bytes > bytesMax && messages.length > 0) break;
        messages.push(copied);
      }
      count++;
      upTo = message.streamSequence;
    }
    return { count, upTo, messages };
  }

  /**
   * The messages of a batch are recorded: they are acknowledged, and others are asked for.
   *
   * @param batch what {@linkcode CopyReader.next} gave last
   */
  recorded({ count, upTo }: CopyBatch): void {
    for (const { message } of this.#waiting.splice(0, count)) {
      this.#waitingBytes -= message.data.length;
      message.ack();
    }
    this.#upTo = upTo;
    this.#refill();
  }

  /**
   * Ends it by itself: what waits is not worth anything any more.
   *
   * @param reason why
   */
  end(reason: string): void {
    this.#ended ??= reason;
    this.close();
    this.#wake.resolve();
  }

  /** Stops pulling. */
  close(): void {
    this.#pull.close();
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #take(message: FeedMessage): void {
    if (this.#ended !== undefined) return;
    const expected = this.#delivered + 1;
    if (message.deliverySequence !== expected) {
      // What was sent and never arrived would come again behind younger ones. A new consumer begins at the oldest.
      this.end(`delivery ${message.deliverySequence} came instead of ${expected}`);
      return;
    }
    this.#delivered = expected;
    this.#pending = message.pending;
    const { streamSequence } = message;
    if (streamSequence <= this.#seen) {
      // It comes again, because an ack was lost or is not yet due.
      if (streamSequence <= this.#upTo) message.ack();
      this.#refill();
      return;
    }
    if (streamSequence > this.#seen + 1) this.#options.onGap(this.#seen, streamSequence);
    this.#seen = streamSequence;
    const bytes = message.data.length;
    this.#guessBytes = Math.max(bytes, this.#guessBytes * (1 - GUESS_DECAY), 1);
    this.#waitingBytes += bytes;
    this.#waiting.push({ message, key: this.#options.subjects.keyOf(message.subject) });
    if (this.#waiting.length > 1) return;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  #refill(): void {
    if (this.#ended !== undefined) return;
    const room = (WAITING_BYTES_MAX - this.#waitingBytes) / this.#guessBytes;
    const least = this.#waiting.length === 0 ? 1 : 0;
    const free = Math.min(WAITING_MESSAGES_MAX - this.#waiting.length, Math.floor(room));
    this.#pull.request(Math.max(least, free));
  }

  #copyOf(message: FeedMessage, key: PartitionId): CopiedMessage {
    const { streamSequence: sequence, data } = message;
    return { sequence, key, data, headers: this.#headersOf(message) };
  }

  /** All but those that the server takes for its own: they were meant for the source. */
  #headersOf(message: FeedMessage): Record<string, string> {
    const kept: Record<string, string> = {};
    try {
      for (const [name, value] of Object.entries(message.headers)) {
        if (!/^nats-/i.test(name)) kept[name] = value;
        else if (name === "Nats-Msg-Id") kept[SOURCE_ID_HEADER] = value;
      }
    } catch (error) {
      // Rather without them than not at all, or everything behind it would wait for ever.
      this.#options.onError(
        new PartiError(
          "PARTI_REFUSED",
          `message ${message.streamSequence} of ${this.#options.stream} is copied without its headers: ${
            describeError(error)
          }`,
          { cause: error, value: message.streamSequence },
        ),
      );
      return {};
    }
    return kept;
  }
}

function sizeOf({ key, headers, data }: CopiedMessage): number {
  let bytes = key.length + data.length;
  for (const name in headers) bytes += name.length + headers[name]!.length;
  return bytes;
}
