/**
 * The record of a copy in its bucket, written by compare-and-set alone.
 *
 * @module
 */
import { isPartiError, OUTAGE_CODES, PartiError } from "../../errors.ts";
import type { KvBucket, KvEntry } from "../../ports/kv.ts";
import type { Pauses } from "./pauses.ts";
import { type CopyRecord, decodeRecord, encodeRecord } from "./copy_record.ts";

/** The key of the record in its bucket. */
export const RECORD_KEY = "position";

/** A record as it is in the bucket. */
export interface WrittenRecord {
  /** What it says. */
  readonly record: CopyRecord;
  /** Its revision. */
  readonly revision: number;
}

/** Reads and writes the record. */
export class CopyLedger {
  readonly #bucket: KvBucket;
  readonly #pauses: Pauses;
  readonly #onError: (error: unknown) => void;

  /**
   * @param bucket where the record is
   * @param pauses how long to wait between two tries
   * @param onError told of each failure that is tried again
   */
  constructor(bucket: KvBucket, pauses: Pauses, onError: (error: unknown) => void) {
    this.#bucket = bucket;
    this.#pauses = pauses;
    this.#onError = onError;
  }

  /**
   * Reads the record.
   *
   * @returns what is written; undefined if nothing is
   * @throws {PartiError} what the bucket says; `PARTI_INVALID_CONFIG` if it cannot be read
   */
  async read(): Promise<WrittenRecord | undefined> {
    let entry: KvEntry | undefined;
    try {
      entry = await this.#bucket.get(RECORD_KEY);
    } catch (error) {
      // The bucket itself is gone.
      if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
    }
    return entry && { record: decodeRecord(entry.value), revision: entry.revision };
  }

  /**
   * Writes the record, and goes on trying while nobody answers: a write whose outcome is unknown may still come about, so nothing else may
   * be tried in its place.
   *
   * @param record what is to be written
   * @param revision on top of which revision; 0 if there is no record yet
   * @returns the new revision
   * @throws {PartiError} `PARTI_FENCED` if somebody else has written, `PARTI_TOO_LARGE`, and what the bucket says when it is given up
   */
  async write(record: CopyRecord, revision: number): Promise<number> {
    const bytes = encodeRecord(record);
    for (let tried = 1;; tried++) {
      try {
        return revision === 0
          ? await this.#bucket.create(RECORD_KEY, bytes)
          : await this.#bucket.update(RECORD_KEY, bytes, revision);
      } catch (error) {
        // That nobody answers may mean that the bucket is gone.
        if (isPartiError(error, "PARTI_CONFLICT", "PARTI_NO_RESPONDERS")) {
          const own = await this.#own(record);
          if (own !== undefined) return own;
        } else if (!isPartiError(error, ...OUTAGE_CODES)) throw error;
        if (!isPartiError(error, "PARTI_CONFLICT")) this.#onError(error);
        await this.#pauses.afterFailure(error, tried);
      }
    }
  }

  /** The revision of what an earlier try has written; undefined if that cannot be read now. */
  async #own({ holder, serial }: CopyRecord): Promise<number | undefined> {
    let written: WrittenRecord | undefined;
    try {
      written = await this.read();
    } catch (error) {
      if (isPartiError(error, ...OUTAGE_CODES)) return undefined;
      throw error;
    }
    if (written?.record.holder === holder && written.record.serial === serial) {
      return written.revision;
    }
    throw new PartiError("PARTI_FENCED", "another copier goes on with this copy", {
      value: written?.record.holder,
    });
  }
}
