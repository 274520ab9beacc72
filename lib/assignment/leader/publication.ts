/**
 * Publishing the assignment. One key, one compare-and-set: an old leader's next write fails because a new leader writes first of
 * all. How a large snapshot travels is in `snapshot_store.ts`.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import { CURRENT_KEY } from "../../names.ts";
import type { KvBucket } from "../../ports/kv.ts";
import { type Snapshot, weightTable } from "../snapshot.ts";
import {
  hasPart,
  partsOf,
  removePart,
  removePartsBefore,
  type StoredPart,
} from "../snapshot_parts.ts";
import {
  LAYOUT,
  type Layout,
  readSnapshot,
  type StoredSnapshot,
  writeAgain,
  writeSnapshot,
  type Written,
} from "../snapshot_store.ts";
import { baseOf, type ClaimOptions } from "./claim_base.ts";

export type { ClaimOptions } from "./claim_base.ts";

/** A lost compare is tried again so often before the caller is told: reads may be behind, but not for long. */
const CLAIM_ATTEMPTS = 10;

/** The leader's pen: the only writer of `current` in its epoch. */
export class Publication {
  readonly #bucket: KvBucket;
  readonly #layout: Layout;
  #inForce: StoredSnapshot;
  /** The parts of the one that was in force before. */
  #partsBefore: readonly StoredPart[];
  #revision: number;
  /** The highest generation that may have reached the server: a number is never used for two contents. */
  #tried: number;
  /** Of the last write nobody has said what became of it. */
  #inDoubt = false;
  /** Parts that this pen has found or written, those in force included. */
  #parts: readonly StoredPart[];
  /** What tries to take over have written in vain. */
  readonly #vain: readonly StoredPart[];

  private constructor(
    { bucket, layout = LAYOUT, written = [] }: ClaimOptions,
    inForce: StoredSnapshot,
    revision: number,
    found: readonly StoredPart[],
  ) {
    const { snapshot, parts } = inForce;
    this.#bucket = bucket;
    this.#layout = layout;
    this.#inForce = inForce;
    this.#partsBefore = parts;
    this.#revision = revision;
    this.#tried = snapshot.generation;
    this.#vain = written.filter((part) => !hasPart(parts, part));
    this.#parts = [...parts, ...this.#vain, ...found.filter((part) => !hasPart(parts, part))];
  }

  /** The snapshot in force. */
  get snapshot(): Snapshot {
    return this.#inForce.snapshot;
  }

  /**
   * Whether the snapshot in force may be another one, since the last write of this pen may have been carried out, or may still be. The next
   * {@linkcode publish} finds out; where nothing is to be published, {@linkcode settle} does.
   */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  /** The generation that the next snapshot must have. */
  get nextGeneration(): number {
    return this.#tried + 1;
  }

  /**
   * Takes over the assignment: rewrites `current` with the new leader's epoch and everything else as it was, after which no
   * earlier leader can write any more.
   *
   * @param options what it needs
   * @returns the pen
   * @throws {PartiError} `PARTI_NOT_LEADER` if the term ends meanwhile; `PARTI_CONFLICT` if others write all the time, and
   * `PARTI_NOT_FOUND` if a part of the snapshot in force is missing: try again; or what the bucket throws
   */
  static async claim(options: ClaimOptions): Promise<Publication> {
    const { bucket, leader, term, nowMs, written = [] } = options;
    let failure = new PartiError(
      "PARTI_CONFLICT",
      "the assignment is written by others all the time",
    );
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const entry = await bucket.get(CURRENT_KEY);
      let before: StoredSnapshot | undefined;
      try {
        before = await baseOf(options, entry);
      } catch (error) {
        if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
        // An old leader may just have collected the chunks, having published anew.
        failure = error;
        continue;
      }
      const base = before?.snapshot;
      // An epoch not below ours: either a successor has taken over while we were away, or the lease bucket was lost
      // and counts anew, or we are taking over from ourselves. A renewal that succeeds *now* rules out the first.
      const proven = base === undefined || base.epoch < term.epoch || await term.confirm();
      if (!proven || !term.valid) {
        throw new PartiError(
          "PARTI_NOT_LEADER",
          "leadership is not certain while taking over the assignment",
        );
      }
      const snapshot: Snapshot = base === undefined
        ? {
          epoch: term.epoch,
          generation: 0,
          leader,
          reason: "cold_start",
          atMs: nowMs,
          workers: [],
          weights: weightTable([]),
        }
        // Above the last epoch published, even if the lease bucket was lost and its revisions began anew.
        : { ...base, epoch: Math.max(term.epoch, base.epoch + 1), leader };
      const { revision, parts } = await writeSnapshot(bucket, snapshot, {
        revision: entry?.revision,
        before,
        layout: options.layout,
        onPart: (part) => written.push(part),
      });
      if (revision === undefined) continue;
      const found = entry === undefined ? [] : partsOf(entry);
      return new Publication({ ...options, written }, { snapshot, parts }, revision, found);
    }
    throw failure;
  }

  /**
   * Publishes the next snapshot.
   *
   * @param snapshot of this epoch, with the {@linkcode nextGeneration}
   * @returns the snapshot in force now: this one, or an earlier one of this pen whose outcome had been unknown and which turns out
   * to have been applied; then compute again from that
   * @throws {PartiError} `PARTI_STALE_EPOCH` if `current` is not what this pen wrote last: somebody else has written since, or the
   * bucket was lost; or what the bucket throws, after which the outcome is unknown and the next try decides
   */
  async publish(snapshot: Snapshot): Promise<Snapshot> {
    if (snapshot.epoch !== this.snapshot.epoch || snapshot.generation !== this.nextGeneration) {
      throw new PartiError("PARTI_INVARIANT", "a snapshot must have the next generation", {
        value: { epoch: snapshot.epoch, generation: snapshot.generation },
      });
    }
    this.#tried = snapshot.generation;
    return await this.#write(snapshot, () =>
      writeSnapshot(this.#bucket, snapshot, {
        revision: this.#revision,
        before: this.#inForce,
        layout: this.#layout,
        onPart: (part) => this.#parts = [...this.#parts, part],
      }));
  }

  /**
   * Ends a doubt: writes the snapshot in force once more. After that the write in doubt can be carried out no more, or it shows that it was.
   *
   * @returns the snapshot in force now
   * @throws {PartiError} as {@linkcode publish}
   */
  async settle(): Promise<Snapshot> {
    const inForce = this.#inForce;
    return await this.#write(
      inForce.snapshot,
      () => writeAgain(this.#bucket, inForce, this.#revision),
    );
  }

  /**
   * Writes the snapshot in force as a new whole, if it lies in parts: one of them may be lost, and whoever knows none of them waits for it.
   *
   * @throws {PartiError} as {@linkcode publish}
   */
  async renew(): Promise<void> {
    const { snapshot, parts } = this.#inForce;
    if (parts.length === 0) return;
    await this.#write(snapshot, () =>
      writeSnapshot(this.#bucket, snapshot, {
        revision: this.#revision,
        layout: this.#layout,
        onPart: (part) => this.#parts = [...this.#parts, part],
      }));
  }

  async #write(snapshot: Snapshot, write: () => Promise<Written>): Promise<Snapshot> {
    const before = this.#inForce;
    this.#inDoubt = true;
    const { revision, parts } = await write();
    if (revision === undefined) {
      await this.#adoptOwn();
    } else {
      this.#inForce = { snapshot, parts };
      this.#revision = revision;
    }
    this.#inDoubt = false;
    if (this.#inForce.parts !== before.parts) this.#partsBefore = before.parts;
    await this.#tidy();
    return this.snapshot;
  }

  /**
   * Removes what earlier leaders have left behind, and what this one has written before it had taken over. Once per term is enough.
   *
   * @throws {PartiError} what the bucket throws; harmless
   */
  async sweep(): Promise<void> {
    await Promise.all(this.#vain.map((part) => removePart(this.#bucket, part)));
    await removePartsBefore(this.#bucket, this.snapshot.epoch, this.#read);
  }

  /** The compare was lost. To ourselves? An earlier try may have been applied although its answer never came. */
  async #adoptOwn(): Promise<void> {
    const entry = await this.#bucket.get(CURRENT_KEY);
    const parts = entry === undefined ? [] : partsOf(entry);
    const newest = parts.at(-1);
    const { snapshot } = this;
    // A stranger's parts need not be put together.
    const isStrange = entry === undefined ||
      (newest !== undefined && newest.epoch !== snapshot.epoch);
    const now = isStrange ? undefined : await readSnapshot(this.#bucket, entry, snapshot);
    const ours = now !== undefined && now.epoch === snapshot.epoch &&
      now.leader.instance === snapshot.leader.instance && now.generation > snapshot.generation;
    if (entry === undefined || now === undefined || !ours) {
      throw new PartiError("PARTI_STALE_EPOCH", "the assignment was written by somebody else", {
        value: now?.epoch ?? newest?.epoch,
      });
    }
    this.#inForce = { snapshot: now, parts };
    this.#revision = entry.revision;
  }

  /** What somebody may be reading: the parts of the snapshot in force, and of the one before. */
  get #read(): readonly StoredPart[] {
    return [...this.#inForce.parts, ...this.#partsBefore];
  }

  /** Removes the parts that nobody reads any more. Left-overs do no harm and are tried again. */
  async #tidy(): Promise<void> {
    const read = this.#read;
    const over = this.#parts.filter((part) => !hasPart(read, part));
    const isGone = await Promise.all(over.map((part) => removePart(this.#bucket, part)));
    const gone = over.filter((_, n) => isGone[n]);
    this.#parts = this.#parts.filter((part) => !hasPart(gone, part));
  }
}
