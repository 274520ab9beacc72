/**
 * Outputs with deterministic message IDs: what is published twice for the same input is stored once.
 *
 * This is the weaker way to effects once: it needs no stream of its own and any number of outputs per input, but it holds only within
 * the output stream's duplicate window, and a zombie's output counts if it comes first. `FencedOutput` holds for ever.
 *
 * @module
 */
import type { FeedMessage, FeedStore, PublishAck } from "../ports/feed.ts";

/** How outputs are published. */
export interface IdempotentPublisherOptions {
  /** The stream the inputs come from: sequence and time in it are what tells inputs apart. */
  readonly inputStream: string;
  /** How long the output stream may take to answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** One output of an input. */
export interface Output {
  /** Where to; a stream must store it. */
  readonly subject: string;
  /** The payload. */
  readonly data: Uint8Array;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Tells several outputs of one input to one subject apart. */
  readonly name?: string;
}

/** Publishes outputs of inputs. */
export class IdempotentPublisher {
  readonly #feed: Pick<FeedStore, "publish">;
  readonly #options: IdempotentPublisherOptions;

  /**
   * Publishes nothing yet.
   *
   * @param feed where streams are
   * @param options how to publish
   */
  constructor(feed: Pick<FeedStore, "publish">, options: IdempotentPublisherOptions) {
    this.#feed = feed;
    this.#options = options;
  }

  /**
   * Publishes an output of an input message.
   *
   * @param input the input message, as the handler was given it
   * @param output what and where to
   * @returns where it is stored, and whether it was there already
   * @throws {PartiError} what the stream says; the same call may be tried again
   */
  publish(
    { streamSequence, storedAtMs }: Pick<FeedMessage, "streamSequence" | "storedAtMs">,
    output: Output,
  ): Promise<PublishAck> {
    const { inputStream, timeoutMs } = this.#options;
    const { subject, data, headers, name = "" } = output;
    return this.#feed.publish(subject, data, {
      // The subject is a part of it, since a stream compares the IDs of all its subjects; the time, since an input stream that is made
      // anew gives its sequences out again.
      messageId: `effect:${inputStream}:${streamSequence}:${storedAtMs}:${subject}:${name}`,
      timeoutMs,
      ...(headers === undefined ? {} : { headers }),
    });
  }
}
