/**
 * Puts the messages of a record into the shards, each at its place and once. Every publication carries the sequence of the message before it
 * in its stream, so whoever else publishes the same batch, however late, can only put the same message at the same place, or is refused.
 *
 * @module
 */
import { settled } from "../../abort.ts";
import { isPartiError, type PartiError } from "../../errors.ts";
import type { FeedStore } from "../../ports/feed.ts";
import { type ShardedFeed, shardStream } from "../shards.ts";
import { type CopyRecord, type CopySlot, lastsAfter, slotsOf } from "./copy_record.ts";
import type { Pauses } from "./pauses.ts";
import { lastsOf, type ShardEnd } from "./shard_lasts.ts";
import {
  beyond,
  foreign,
  forgotten,
  isDefinite,
  kindOf,
  lost,
  stuck,
  wentAstray,
} from "./shard_troubles.ts";

/** The header of a copy that says where in the source the message was. */
export const SOURCE_SEQUENCE_HEADER = "Parti-Source-Sequence";
/** The header of a copy that has the message ID under which the message was published to the source, if it had one. */
export const SOURCE_ID_HEADER = "Parti-Source-Message-Id";

/** What a writer needs. */
export interface ShardWriterOptions {
  /** Where streams are. */
  readonly feed: FeedStore;
  /** The shards. */
  readonly layout: ShardedFeed;
  /** How long to wait between two tries. */
  readonly pauses: Pauses;
  /** Told of each failure that is tried again. */
  readonly onError: (error: unknown) => void;
  /** Proves that the record is still this copier's; throws if it is not. */
  readonly confirm: () => Promise<void>;
  /** Writes down that something else than a message of the copy lies where one should. */
  readonly onStranger: (error: PartiError) => Promise<void>;
}

/** What of a batch could not be published. */
interface Failure {
  /** The first error. */
  readonly error: unknown;
  /** The first refusal that nothing explains but a message that lies where one of ours should. */
  readonly refusal: PartiError | undefined;
  /** A message was stored elsewhere than at its place. */
  readonly astray: PartiError | undefined;
  /** Whether some of it may have been stored without our knowing. */
  readonly isUnknown: boolean;
}

/** How often what cannot be is looked at, before it is believed: a server that is about to hear of a new leader may say what was. */
const LOOKS = 6;

/** Writes batches. */
export class ShardWriter {
  readonly #options: ShardWriterOptions;
  /** How far each shard is known to have come, because the server has said so. */
  readonly #reached = new Map<number, number>();

  /** @param options what it needs */
  constructor(options: ShardWriterOptions) {
    this.#options = options;
  }

  /**
   * Stores a batch that was recorded just now, so that nothing of it is there yet.
   *
   * @param record the record
   * @throws {PartiError} `PARTI_FENCED` if another copier goes on with it, `PARTI_CONFLICT` if somebody else writes into the shards, and the
   * last failure when it is given up
   */
  async store(record: CopyRecord): Promise<void> {
    const slots = slotsOf(record, this.#options.layout);
    const failure = await this.#publish(slots);
    if (failure !== undefined) await this.#retry(record, slots, failure);
  }

  /**
   * Stores what is missing of a batch that somebody else, or this copier in an earlier term, has recorded.
   *
   * @param record the record
   * @returns the last sequences of all shards once the batch is stored
   * @throws {PartiError} as {@linkcode ShardWriter.store}
   */
  async resume(record: CopyRecord): Promise<number[]> {
    const slots = slotsOf(record, this.#options.layout);
    const all = Array.from({ length: record.shards }, (_, shard) => shard);
    const lasts = lastsAfter(record);
    const missing = await this.#missing(record, slots, all, lasts);
    const failure = await this.#publish(missing);
    // Who recorded it may still be publishing it: a refusal proves nothing.
    if (failure !== undefined) await this.#retry(record, slots, { ...failure, isUnknown: true });
    return lasts;
  }

  async #retry(record: CopyRecord, slots: CopySlot[], first: Failure): Promise<void> {
    const { pauses, onError, confirm } = this.#options;
    const shards = [...new Set(slots.map(({ shard }) => shard))];
    let failure: Failure | undefined = first;
    let isUnknown = false;
    let left = slots.length;
    let told: string | undefined;
    for (let tried = 1; failure !== undefined; tried++) {
      isUnknown ||= failure.isUnknown;
      if (!isPartiError(failure.error, "PARTI_CONFLICT")) {
        // The same once more, and some was stored meanwhile: a slow shard is told once.
        const kind = kindOf(failure.error);
        if (tried > 1 || kind !== told) onError(failure.error);
        told = kind;
      } else if (isUnknown && tried >= LOOKS) onError(stuck(failure.error));
      await pauses.afterFailure(failure.error, tried);
      await confirm();
      if (failure.astray !== undefined) return await this.#stop(record, slots, failure.astray);
      // All that was sent was answered, and nobody else copies: what was refused met a stranger's message.
      const { refusal } = failure;
      if (refusal !== undefined && !isUnknown) {
        return await this.#stop(record, slots, foreign(refusal));
      }
      const missing = await this.#missing(record, slots, shards);
      // Something was stored: a shard that is drained just as it fills up must not wait as for one that is out of reach.
      if (missing.length < left) tried = 0;
      left = missing.length;
      failure = await this.#publish(missing);
    }
  }

  /** Those behind what was refused may be stored: then the last sequences look as if all was well, and nobody could tell any more. */
  async #stop(record: CopyRecord, slots: CopySlot[], proof: PartiError): Promise<never> {
    let error = proof;
    try {
      await this.#missing(record, slots, [...new Set(slots.map(({ shard }) => shard))]);
    } catch (reason) {
      // It can be told more precisely, such as that a shard was made anew.
      if (!isPartiError(reason, "PARTI_CONFLICT")) throw reason;
      error = reason;
    }
    await this.#options.onStranger(error);
    throw error;
  }

  /** Publishes in order, without waiting for each: what comes behind a hole is refused. */
  async #publish(slots: readonly CopySlot[]): Promise<Failure | undefined> {
    const { feed, pauses } = this.#options;
    const broken = new Set<number>();
    const failed = Promise.withResolvers<void>();
    const outcomes: Promise<void>[] = [];
    let failure: Failure | undefined;
    const fail = (shard: number, error: unknown, astray?: PartiError): void => {
      const isFirst = !broken.has(shard);
      broken.add(shard);
      failed.resolve();
      const isRefusal = isFirst && isPartiError(error, "PARTI_CONFLICT");
      failure = {
        error: failure?.error ?? error,
        refusal: failure?.refusal ?? (isRefusal ? error : undefined),
        astray: failure?.astray ?? astray,
        isUnknown: (failure?.isUnknown ?? false) || !isDefinite(error),
      };
    };
    for (const { message, shard, subject, after } of slots) {
      // Without a connection there is none. What has failed is told at once, and who is to end does not wait for the server.
      const room = failure === undefined ? feed.room() : undefined;
      if (room !== undefined) await settled(Promise.race([room, failed.promise]), pauses.signal);
      if (broken.has(shard)) continue;
      const { data, headers, sequence } = message;
      const stored = feed.publish(subject, data, {
        expectedLastSequence: after,
        headers: { ...headers, [SOURCE_SEQUENCE_HEADER]: String(sequence) },
      });
      outcomes.push(stored.then(
        (ack) => {
          if (ack.sequence !== after + 1) {
            const error = wentAstray(subject);
            fail(shard, error, error);
          } else this.#reached.set(shard, Math.max(ack.sequence, this.#reached.get(shard) ?? 0));
        },
        (error) => fail(shard, error),
      ));
    }
    await Promise.all(outcomes);
    return failure;
  }

  /**
   * What of a batch is not stored yet, and whether the shards are as the record says. Where a shard that nothing of the batch goes to has
   * forgotten how far it had come, `after` is told.
   */
  async #missing(
    record: CopyRecord,
    slots: readonly CopySlot[],
    shards: readonly number[],
    after: number[] = [],
  ): Promise<CopySlot[]> {
    const { feed, layout, pauses, onError, confirm } = this.#options;
    for (let tried = 1, strange = 0;; tried++) {
      try {
        return await this.#compare(record, slots, await lastsOf(feed, layout, shards), after);
      } catch (error) {
        const isStrange = isPartiError(error, "PARTI_CONFLICT");
        // Another copier may have taken over and gone on, so that the shards are beyond this record.
        if (isStrange) await confirm();
        else onError(error);
        if (isStrange && ++strange === LOOKS) throw error;
        await pauses.afterFailure(error, tried);
      }
    }
  }

  async #compare(
    record: CopyRecord,
    slots: readonly CopySlot[],
    ends: ReadonlyMap<number, ShardEnd>,
    after: number[],
  ): Promise<CopySlot[]> {
    const byShard = Map.groupBy(slots, ({ shard }) => shard);
    for (const [shard, { lastSequence: last, messages }] of ends) {
      const before = record.lasts[shard]!;
      const own = byShard.get(shard) ?? [];
      const stream = shardStream(this.#options.layout.stream, shard);
      // All of it was stored, and is consumed. Where something may be on its way it would not be known what of it is.
      const isForgotten = last === 0 && messages === 0 && own.length === 0;
      const reached = Math.max(before, this.#reached.get(shard) ?? 0);
      if (last < reached && !isForgotten) throw lost(stream, last, reached);
      if (isForgotten && before > 0) {
        this.#reached.delete(shard);
        after[shard] = last;
        this.#options.onError(forgotten(stream, before));
      }
      if (last > before + own.length) throw beyond(stream, last, before + own.length);
      if (last > before) await this.#checkOwn(stream, own[last - before - 1]!);
    }
    return slots.filter((slot) => slot.after >= ends.get(slot.shard)!.lastSequence);
  }

  /** As long as the last message is there, it can be seen that it is one of ours. */
  async #checkOwn(stream: string, slot: CopySlot): Promise<void> {
    const found = await this.#options.feed.lastMessage(stream, slot.subject);
    if (found === undefined || found.sequence !== slot.after + 1) return;
    if (found.header(SOURCE_SEQUENCE_HEADER) === String(slot.message.sequence)) return;
    throw beyond(stream, found.sequence, slot.after);
  }
}
