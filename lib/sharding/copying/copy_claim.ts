/**
 * Becoming the one who copies: a consumer of one's own, the record rewritten in one's own name, and then the consumers of earlier terms
 * removed. Whoever held the record before can write it no more.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { FeedStore, StreamInfo } from "../../ports/feed.ts";
import type { ShardedFeed } from "../shards.ts";
import type { CopyConsumers } from "./copy_consumers.ts";
import type { CopyLedger, WrittenRecord } from "./copy_ledger.ts";
import type { CopyRecord } from "./copy_record.ts";
import { checkSource, type CopySource } from "./copy_source.ts";
import { lastsOf } from "./shard_lasts.ts";
import { droppedError, readsAll } from "./source_gaps.ts";

/** Where a copy begins that nobody has begun before. */
export type CopyBegin = "all" | "new";

/** What a claim needs. */
export interface CopyClaimOptions {
  /** Where streams are. */
  readonly feed: FeedStore;
  /** The source. */
  readonly from: CopySource;
  /** What of it is read; none for all of it. */
  readonly filterSubjects: readonly string[];
  /** The shards. */
  readonly layout: ShardedFeed;
  /** Where it begins; undefined for everything, into shards that nothing was ever stored in. */
  readonly begin: CopyBegin | undefined;
  /** Who claims. */
  readonly holder: string;
  /** The record. */
  readonly ledger: CopyLedger;
  /** The consumers. */
  readonly consumers: CopyConsumers;
  /** Told of what was left behind. */
  readonly onError: (error: unknown) => void;
}

/** Claims a copy. */
export class CopyClaim {
  readonly #options: CopyClaimOptions;
  #serial = 0;
  /** There was a record once: if there is none any more, how far the copy has come is lost. */
  #wasRecorded = false;

  /** @param options what it needs */
  constructor(options: CopyClaimOptions) {
    this.#options = options;
  }

  /** A number for a record that no other of this copier's has. */
  nextSerial(): number {
    return ++this.#serial;
  }

  /**
   * Reads the record and sees whether it is of this copy.
   *
   * @returns what is written; undefined if nobody has begun
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if another copy goes into these shards, or the record is lost; `PARTI_CONFLICT` if somebody
   * else has published to the shards
   */
  async look(): Promise<WrittenRecord | undefined> {
    const { ledger, from, layout } = this.#options;
    const found = await ledger.read();
    if (found === undefined) {
      if (this.#wasRecorded) throw recordLost(layout);
      return undefined;
    }
    this.#wasRecorded = true;
    const { record } = found;
    const isSame = record.from.stream === from.stream &&
      record.from.subjectTemplate === from.subjectTemplate && record.shards === layout.shards;
    if (!isSame) throw anotherCopy(record, layout);
    if (record.broken !== undefined) throw broken(record.broken, layout);
    return found;
  }

  /**
   * Claims the copy.
   *
   * @param found the record as it is; undefined if nobody has begun
   * @returns the record in this copier's name
   * @throws {PartiError} `PARTI_FENCED` if somebody else was faster, `PARTI_INVALID_CONFIG`, `PARTI_CONFLICT` if it cannot be known where to
   * begin, and what the server says
   */
  async claim(found: WrittenRecord | undefined): Promise<WrittenRecord> {
    const { from, layout, feed, consumers, holder, ledger } = this.#options;
    const info = await checkSource(feed, from);
    const base = found?.record ?? await this.#beginning(info.lastSequence);
    if (info.lastSequence < base.upTo) throw sourceLost(from, info.lastSequence, base.upTo);
    const term = base.term + 1;
    // What is dropped is missed once, and not by each who claims from now on.
    const upTo = Math.max(base.upTo, info.firstSequence - 1);
    const consumer = await consumers.make(upTo, term, info.maxAckPending);
    const serial = this.nextSerial();
    const record: CopyRecord = { ...base, upTo, term, holder, serial, consumer };
    let revision: number;
    try {
      revision = await ledger.write(record, found?.revision ?? 0);
    } catch (error) {
      if (isPartiError(error, "PARTI_FENCED")) await this.#discard(consumer);
      throw error;
    }
    this.#wasRecorded = true;
    // What went before anybody has begun is not missed.
    if (found !== undefined && upTo > base.upTo) this.#tellDropped(info, base.upTo + 1);
    if (await consumers.sweep(term, consumer) === "gone") {
      throw new PartiError(
        "PARTI_NOT_FOUND",
        `the consumer ${consumer} of ${layout.stream} is gone`,
        {
          value: consumer,
        },
      );
    }
    return { record, revision };
  }

  #tellDropped(info: StreamInfo, first: number): void {
    const { from, filterSubjects, onError } = this.#options;
    const last = info.firstSequence - 1;
    const isAll = readsAll(info, filterSubjects);
    // Nobody had to read the others of an interest stream: they are gone as they should be.
    if (!isAll && info.retention === "interest") return;
    onError(droppedError(from, first, last, `${isAll ? "" : "up to "}${last - first + 1}`));
  }

  async #beginning(lastSequence: number): Promise<CopyRecord> {
    const { from, layout, begin, feed, ledger } = this.#options;
    const { shards } = layout;
    const all = Array.from({ length: shards }, (_, shard) => shard);
    const found = await lastsOf(feed, layout, all);
    const lasts = all.map((shard) => found.get(shard)!.lastSequence);
    if (begin === undefined && lasts.some((last) => last > 0)) {
      // Somebody else may have begun just now, and has stored the first messages.
      if (await ledger.read() !== undefined) {
        throw new PartiError("PARTI_FENCED", "another copier was faster");
      }
      throw new PartiError(
        "PARTI_CONFLICT",
        `the shards of ${layout.stream} are not new, and nothing is written about a copy into them`,
        {
          value: layout.stream,
          hint:
            'begin with new shards; or say begin: "new", or "all" if none of the messages of the source may be there already',
        },
      );
    }
    const upTo = begin === "new" ? lastSequence : 0;
    const rest = { term: 0, holder: "", serial: 0, consumer: "", batch: [] };
    return { from, shards, upTo, lasts, ...rest };
  }

  /** A consumer that nobody will ever read. If it cannot be removed now, whoever copies does it. */
  async #discard(consumer: string): Promise<void> {
    try {
      await this.#options.consumers.remove(consumer);
    } catch (error) {
      this.#options.onError(error);
    }
  }
}

function recordLost({ stream }: ShardedFeed): PartiError {
  return new PartiError(
    "PARTI_INVALID_CONFIG",
    `what was written about the copy into ${stream} is gone: nobody knows how far it has come`,
    { value: stream, hint: "begin anew with new shards" },
  );
}

function broken(why: string, { stream }: ShardedFeed): PartiError {
  return new PartiError("PARTI_CONFLICT", `the copy into ${stream} cannot go on: ${why}`, {
    value: stream,
    hint: "call forgetCopy, and begin anew with new shards",
  });
}

function anotherCopy({ from, shards }: CopyRecord, { stream }: ShardedFeed): PartiError {
  return new PartiError(
    "PARTI_INVALID_CONFIG",
    `into the shards of ${stream} goes a copy of ${from.stream}, of ${from.subjectTemplate} into ${shards} shards`,
    {
      value: { ...from, shards },
      hint:
        "copy into shards of another name; what a copy is made of and the number of its shards cannot be changed",
    },
  );
}

function sourceLost({ stream }: CopySource, last: number, upTo: number): PartiError {
  return new PartiError(
    "PARTI_CONFLICT",
    `stream ${stream} ends at ${last}, and the copy has come to ${upTo} already: it was made anew, or has lost its last writes`,
    { value: last, hint: "call forgetCopy, and begin anew with new shards" },
  );
}
