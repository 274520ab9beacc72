/**
 * Effects once: an output stream guarded per partition.
 *
 * Delivery is at least once, so a message may be handled again after a crash. What must happen once is its *effect*. Each partition has
 * one subject in the output stream, and every write to it is accepted only if the subject's last message is the one the writer has
 * seen last (`Nats-Expected-Last-Subject-Sequence`). The last message also says which input it came from. So a new owner learns what
 * is already done, and a zombie, which has not seen its successor's writes, is refused.
 *
 * All that is known is in the last message of each subject, so output, input and the group's buckets belong together:
 *
 * - The *input stream is made anew* and the output is kept: sequences begin again at 1, below those in the output, and every write
 *   answers `already` until they have passed them. Those effects are lost without an error. Purge the output too, or use another one.
 *   So it is with sequences that an input stream gives out again because its server came back without its last writes.
 * - The *group's buckets are deleted* and the output is kept: epochs begin anew, below those in the output, and every write is refused with
 *   `PARTI_FENCED`. The workers show that they are not well (`ConsumerHealth.outranked`) until the output is purged.
 * - The *output loses the last message of a subject*, by its limits of age, size or number, or by a purge: nothing is known of the
 *   partition any more. The next write is accepted whoever it comes from, so an effect whose input was not acknowledged yet may happen
 *   again, and a zombie is not refused. Give the output stream limits that keep at least one message of each subject, such as
 *   `maxMessagesPerSubject` alone.
 *
 * @module
 */
import type { PartitionId } from "../assignment/partition.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { partitionSubject } from "../names.ts";
import type { FeedStore, StoredMessage } from "../ports/feed.ts";

/** The header that carries the input's stream sequence. */
export const INPUT_SEQUENCE_HEADER = "Parti-Input-Sequence";
/** The header that carries the writer's epoch. */
export const EPOCH_HEADER = "Parti-Epoch";
/** The header that carries the writer's generation. */
export const GENERATION_HEADER = "Parti-Generation";
/** The header that carries the writer's instance. */
export const INSTANCE_HEADER = "Parti-Instance";

/** Where effects go. */
export interface FencedOutputOptions {
  /** The output stream (limits retention). */
  readonly stream: string;
  /** A partition's subject in it, with `{{.PartitionID}}`. */
  readonly subjectTemplate: string;
  /** How long a write may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** The right under which an effect is written. A `HandlerContext` is one. */
export interface EffectToken {
  /** The partition. */
  readonly partitionId: PartitionId;
  /** The writer's instance. */
  readonly instance: string;
  /** The epoch of its ownership. */
  readonly epoch: number;
  /** The generation of its ownership. */
  readonly generation: number;
}

/** What the last message of a partition's subject says. */
interface Tail {
  readonly outputSequence: number;
  readonly inputSequence: number;
  readonly epoch: number;
  readonly generation: number;
}

/** So many partitions' tails are remembered, those written last. Another one's is read again. */
const TAILS_MAX = 10_000;
/** How often a refused write looks again before it gives up. */
const ATTEMPTS_MAX = 5;

/** Writes each input's effect once. One for a worker; partitions are told apart by the token. */
export class FencedOutput {
  readonly #feed: FeedStore;
  readonly #options: FencedOutputOptions;
  readonly #tails = new Map<PartitionId, Tail>();

  /**
   * Writes nothing yet.
   *
   * @param feed where streams are
   * @param options where effects go
   */
  constructor(feed: FeedStore, options: FencedOutputOptions) {
    this.#feed = feed;
    this.#options = options;
  }

  /**
   * Writes the effect of an input message.
   *
   * @param token under what right
   * @param inputSequence the input's stream sequence
   * @param data the effect
   * @param headers further headers
   * @returns `written`, or `already` if the effect of this input is in the stream
   * @throws {PartiError} `PARTI_FENCED` if a newer owner has written: stop handling this partition; or what the stream says,
   * after which the same write may be tried again
   */
  async write(
    token: EffectToken,
    inputSequence: number,
    data: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<"written" | "already"> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      // A tail read long ago may be behind the stream's. Then the write is refused, and nothing was decided by it: what it says is
      // done is done.
      const tail = this.#tails.get(token.partitionId) ?? await this.#readTail(token.partitionId);
      if (tail.inputSequence >= inputSequence) {
        this.#remember(token.partitionId, tail);
        return "already";
      }
      if ((tail.epoch - token.epoch || tail.generation - token.generation) > 0) {
        throw this.#fenced(token, tail);
      }
      try {
        const outputSequence = await this.#publish(token, tail, inputSequence, data, headers);
        const { epoch, generation } = token;
        this.#remember(token.partitionId, { outputSequence, inputSequence, epoch, generation });
        return "written";
      } catch (error) {
        this.#tails.delete(token.partitionId);
        // Refused, or unknown: the stream's tail tells which. Any other failure is the caller's to repeat.
        if (!isPartiError(error, "PARTI_CONFLICT", "PARTI_TIMEOUT")) throw error;
      }
    }
    throw new PartiError(
      "PARTI_TIMEOUT",
      `the effect of ${inputSequence} of ${token.partitionId} was not settled in ${ATTEMPTS_MAX} tries`,
      {
        value: inputSequence,
        hint: "is the output stream reachable, and does anybody else write to it?",
      },
    );
  }

  /** Forgets what it knows of a partition, as after losing it. */
  forget(id: PartitionId): void {
    this.#tails.delete(id);
  }

  #subject(id: PartitionId): string {
    return partitionSubject(this.#options.subjectTemplate, id);
  }

  #remember(id: PartitionId, tail: Tail): void {
    this.#tails.delete(id);
    this.#tails.set(id, tail);
    if (this.#tails.size <= TAILS_MAX) return;
    for (const oldest of this.#tails.keys()) {
      this.#tails.delete(oldest);
      return;
    }
  }

  async #publish(
    token: EffectToken,
    tail: Tail,
    inputSequence: number,
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> {
    const ack = await this.#feed.publish(this.#subject(token.partitionId), data, {
      expectedLastSubjectSequence: tail.outputSequence,
      timeoutMs: this.#options.timeoutMs,
      headers: {
        ...headers,
        [INPUT_SEQUENCE_HEADER]: String(inputSequence),
        [EPOCH_HEADER]: String(token.epoch),
        [GENERATION_HEADER]: String(token.generation),
        [INSTANCE_HEADER]: token.instance,
      },
    });
    return ack.sequence;
  }

  async #readTail(id: PartitionId): Promise<Tail> {
    const last = await this.#feed.lastMessage(this.#options.stream, this.#subject(id));
    if (last === undefined) {
      return { outputSequence: 0, inputSequence: 0, epoch: 0, generation: 0 };
    }
    return {
      outputSequence: last.sequence,
      inputSequence: numberHeader(last, INPUT_SEQUENCE_HEADER),
      epoch: numberHeader(last, EPOCH_HEADER),
      generation: numberHeader(last, GENERATION_HEADER),
    };
  }

  #fenced(token: EffectToken, tail: Tail): PartiError {
    return new PartiError(
      "PARTI_FENCED",
      `partition ${token.partitionId} was written in epoch ${tail.epoch}, generation ${tail.generation}; ` +
        `this owner is of epoch ${token.epoch}, generation ${token.generation}`,
      { value: token, hint: "this worker has lost the partition; let its handler end" },
    );
  }
}

function numberHeader(message: StoredMessage, name: string): number {
  const value = Number(message.header(name) ?? "0");
  return Number.isFinite(value) ? value : 0;
}
