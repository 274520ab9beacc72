/**
 * One term of a copier, from its claim until somebody else takes over, its consumer has to be made anew, or it is closed. Batch by batch: read,
 * record, acknowledge, publish.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { Timer } from "../../ports/clock.ts";
import type { WrittenRecord } from "./copy_ledger.ts";
import type { CopyParts } from "./copy_parts.ts";
import { BATCH_BYTES_MAX, type CopyBatch, CopyReader } from "./copy_reader.ts";
import { type CopyRecord, lastsAfter } from "./copy_record.ts";
import { SourceGaps } from "./source_gaps.ts";
import { ShardWriter } from "./shard_writer.ts";

/** How often it looks for consumers that were left behind, in milliseconds. */
const SWEEP_MS = 60_000;

/** Runs one term. */
export class CopyTerm {
  readonly #parts: CopyParts;
  readonly #reader: CopyReader;
  readonly #writer: ShardWriter;
  readonly #gaps: SourceGaps;
  #written: WrittenRecord;
  /** Whether all messages of the recorded batch are in the shards. */
  #isStored = false;
  #copied = 0;
  #bytesMax = BATCH_BYTES_MAX;
  #sweep: Timer | undefined;
  #isLater = false;

  /**
   * @param parts what the copier is made of
   * @param claimed the record in its name
   */
  constructor(parts: CopyParts, claimed: WrittenRecord) {
    this.#parts = parts;
    this.#written = claimed;
    const { world, from, subjects, layout, pauses, onError } = parts;
    const { consumer, upTo } = claimed.record;
    const { feed } = world;
    this.#gaps = new SourceGaps(feed, from, subjects.filterSubjects, onError);
    const onGap = (after: number, before: number) => this.#gaps.note(after, before);
    this.#reader = new CopyReader({
      ...{ feed, stream: from.stream, consumer, subjects, upTo, onGap, onError },
    });
    this.#writer = new ShardWriter({
      ...{ feed, layout, pauses, onError },
      confirm: () => this.#write(this.#written.record),
      onStranger: ({ message }) => this.#write({ ...this.#written.record, broken: message }),
    });
  }

  /** How many messages it has recorded and put into the shards. */
  get copied(): number {
    return this.#copied;
  }

  /** See `ShardCopier.upTo`. */
  get upTo(): number {
    return this.#written.record.upTo;
  }

  /** See `ShardCopier.lag`. */
  get lag(): number {
    return this.#reader.lag;
  }

  /** Has it look whether it is all over. */
  wake(): void {
    this.#reader.end("closed");
  }

  /**
   * Copies until the term is over. If it ends without an error, another one may begin at once.
   *
   * @throws {PartiError} `PARTI_FENCED` if somebody else has taken over, `PARTI_CONFLICT` if somebody else writes into the shards, or why it
   * cannot go on
   */
  async run(): Promise<void> {
    const { world, pauses } = this.#parts;
    // What was under way when the connection went may be lost on either side: a new consumer begins where the record ends.
    const status = world.messaging.onStatus((status) => {
      if (status !== "disconnected") this.#reader.end(`the connection was ${status}`);
    });
    this.#sweepLater();
    try {
      const lasts = await this.#writer.resume(this.#written.record);
      this.#isStored = true;
      await this.#rest(lasts);
      while (!pauses.signal.aborted && this.#reader.ended === undefined) {
        await this.#reader.ready();
        const batch = this.#reader.next(this.#bytesMax);
        if (batch.count === 0) continue;
        await this.#copy(batch);
        if (this.#reader.isIdle) await this.#rest(lastsAfter(this.#written.record));
      }
    } finally {
      status.close();
      this.#sweep?.cancel();
      this.#reader.end("the term is over");
      if (pauses.signal.aborted) await this.#release();
    }
  }

  async #copy(batch: CopyBatch): Promise<void> {
    const { record } = this.#written;
    const { upTo, messages } = batch;
    try {
      await this.#write({ ...record, upTo, lasts: lastsAfter(record), batch: messages });
    } catch (error) {
      // The server takes less in one message than is usual. What comes alone has to fit.
      if (!isPartiError(error, "PARTI_TOO_LARGE") || messages.length < 2) throw error;
      this.#bytesMax /= 2;
      return;
    }
    this.#isStored = false;
    this.#reader.recorded(batch);
    await this.#writer.store(this.#written.record);
    this.#isStored = true;
    this.#copied += messages.length;
    await this.#gaps.look();
  }

  /**
   * Notes that all is stored. While nothing is to be copied nobody has to ask then what became of a batch; and others who wait read the
   * record again and again, so it should be small.
   */
  async #rest(lasts: number[]): Promise<void> {
    const { record } = this.#written;
    const isNew = record.batch.length > 0 || record.lasts.some((last, i) => last !== lasts[i]);
    if (isNew) await this.#write({ ...record, lasts, batch: [] });
  }

  async #write(record: CopyRecord): Promise<void> {
    const { ledger, claim } = this.#parts;
    const next = { ...record, serial: claim.nextSerial() };
    const revision = await ledger.write(next, this.#written.revision);
    this.#written = { record: next, revision };
  }

  /** Says that nobody copies any more. If that does not succeed, others find out by themselves. */
  async #release(): Promise<void> {
    const { record } = this.#written;
    const stored = { ...record, lasts: lastsAfter(record), batch: [] };
    try {
      await this.#write({ ...(this.#isStored ? stored : record), holder: "" });
    } catch (error) {
      if (!isPartiError(error, "PARTI_FENCED")) this.#parts.onError(error);
    }
  }

  #sweepLater(): void {
    this.#sweep = this.#parts.world.clock.setTimer(SWEEP_MS, () => void this.#sweepNow());
  }

  /** Never rejects. */
  async #sweepNow(): Promise<void> {
    const { consumers, onError } = this.#parts;
    const { term, consumer } = this.#written.record;
    try {
      const found = await consumers.sweep(term, consumer);
      if (found === "gone") this.#reader.end("its consumer is gone");
      // Whoever has made one for a later term has not gone on: with a higher term of one's own it can be removed.
      if (found === "later" && this.#isLater) this.#reader.end("a later consumer is left");
      this.#isLater = found === "later";
    } catch (error) {
      onError(
        new PartiError("PARTI_TIMEOUT", "could not look for consumers left behind", {
          cause: error,
        }),
      );
    }
    if (!this.#parts.pauses.signal.aborted && this.#reader.ended === undefined) this.#sweepLater();
  }
}
