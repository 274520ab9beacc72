/**
 * Publishing the assignment. One key, one compare-and-set: an old leader's next write fails because a new leader writes first of
 * all. How a large snapshot travels is in `snapshot_store.ts`.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../errors.ts";
import type { Term } from "../../leadership/election_agent.ts";
import { CURRENT_KEY } from "../../names.ts";
import type { KvBucket, KvEntry } from "../../ports/kv.ts";
import { compareSnapshots, type Snapshot, weightTable } from "../snapshot.ts";
import {
  pointerOf,
  readSnapshot,
  removeChunks,
  removeChunksBefore,
  type StoredChunks,
  writeSnapshot,
} from "../snapshot_store.ts";

/** What taking over the assignment needs. */
export interface ClaimOptions {
  /** The assignment bucket. */
  readonly bucket: KvBucket;
  /** Who leads. */
  readonly leader: Snapshot["leader"];
  /** Its term: the token, and whether it still leads. */
  readonly term: Term;
  /** The wall clock, in milliseconds since 1970. */
  readonly nowMs: number;
  /** The newest snapshot the leader knows of, however it came by it: what it goes on from where the bucket was lost. */
  readonly remembered?: Snapshot | undefined;
  /** Go on without the partitions' owners if a part of the snapshot in force stays missing. */
  readonly acceptLoss?: boolean;
}

/** A lost compare is tried again so often before the caller is told: reads may be behind, but not for long. */
const CLAIM_ATTEMPTS = 10;

/** The leader's pen: the only writer of `current` in its epoch. */
export class Publication {
  readonly #bucket: KvBucket;
  #snapshot: Snapshot;
  /** The one that was in force before. */
  #before: Snapshot;
  #revision: number;
  /** The highest generation that may have reached the server: a number is never used for two contents. */
  #tried: number;
  /** Of the last write nobody has said what became of it. */
  #inDoubt = false;
  /** Chunks written by this pen, those in force included. */
  #written: StoredChunks[];

  private constructor(
    bucket: KvBucket,
    snapshot: Snapshot,
    revision: number,
    chunks: StoredChunks,
  ) {
    this.#bucket = bucket;
    this.#snapshot = snapshot;
    this.#before = snapshot;
    this.#revision = revision;
    this.#tried = snapshot.generation;
    this.#written = [chunks];
  }

  /** The snapshot in force. */
  get snapshot(): Snapshot {
    return this.#snapshot;
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
    const { bucket, leader, term, nowMs } = options;
    let failure = new PartiError(
      "PARTI_CONFLICT",
      "the assignment is written by others all the time",
    );
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const entry = await bucket.get(CURRENT_KEY);
      let base: Snapshot | undefined;
      try {
        base = await baseOf(options, entry);
      } catch (error) {
        if (!isPartiError(error, "PARTI_NOT_FOUND")) throw error;
        // An old leader may just have collected the chunks, having published anew.
        failure = error;
        continue;
      }
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
      const { revision, chunks } = await writeSnapshot(bucket, snapshot, entry?.revision);
      if (revision !== undefined) return new Publication(bucket, snapshot, revision, chunks);
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
    if (snapshot.epoch !== this.#snapshot.epoch || snapshot.generation !== this.nextGeneration) {
      throw new PartiError("PARTI_INVARIANT", "a snapshot must have the next generation", {
        value: { epoch: snapshot.epoch, generation: snapshot.generation },
      });
    }
    this.#tried = snapshot.generation;
    return await this.#write(snapshot, (planned) => this.#written.push(planned));
  }

  /**
   * Ends a doubt: writes the snapshot in force once more. After that the write in doubt can be carried out no more, or it shows that it was.
   *
   * @returns the snapshot in force now
   * @throws {PartiError} as {@linkcode publish}
   */
  async settle(): Promise<Snapshot> {
    return await this.#write(this.#snapshot);
  }

  async #write(snapshot: Snapshot, onChunks?: (chunks: StoredChunks) => void): Promise<Snapshot> {
    const before = this.#snapshot;
    this.#inDoubt = true;
    const { revision } = await writeSnapshot(this.#bucket, snapshot, this.#revision, onChunks);
    if (revision === undefined) {
      await this.#adoptOwn();
    } else {
      this.#snapshot = snapshot;
      this.#revision = revision;
    }
    this.#inDoubt = false;
    if (this.#snapshot !== before) this.#before = before;
    await this.#tidy();
    return this.#snapshot;
  }

  /**
   * Removes what earlier leaders have left behind. Once per term is enough.
   *
   * @throws {PartiError} what the bucket throws; harmless
   */
  async sweep(): Promise<void> {
    await removeChunksBefore(this.#bucket, this.#snapshot);
  }

  /** The compare was lost. To ourselves? An earlier try may have been applied although its answer never came. */
  async #adoptOwn(): Promise<void> {
    const entry = await this.#bucket.get(CURRENT_KEY);
    const pointer = entry === undefined ? undefined : pointerOf(entry);
    // A stranger's chunks need not be put together.
    const isStrange = entry === undefined ||
      (pointer !== undefined && pointer.epoch !== this.#snapshot.epoch);
    const now = isStrange ? undefined : await readSnapshot(this.#bucket, entry);
    const ours = now !== undefined && now.epoch === this.#snapshot.epoch &&
      now.leader.instance === this.#snapshot.leader.instance &&
      now.generation > this.#snapshot.generation;
    if (entry === undefined || now === undefined || !ours) {
      throw new PartiError("PARTI_STALE_EPOCH", "the assignment was written by somebody else", {
        value: now?.epoch ?? pointer?.epoch,
      });
    }
    this.#snapshot = now;
    this.#revision = entry.revision;
  }

  /**
   * Removes the chunks of this pen's snapshots but those of the one in force and of the one before, which somebody may be reading
   * still. Left-overs do no harm and are tried again.
   */
  async #tidy(): Promise<void> {
    const keep: StoredChunks[] = [];
    for (const chunks of this.#written) {
      if (chunks.count === 0) continue;
      const isRead = compareSnapshots(chunks, this.#snapshot) === 0 ||
        compareSnapshots(chunks, this.#before) === 0;
      if (isRead || !await removeChunks(this.#bucket, chunks)) keep.push(chunks);
    }
    this.#written = keep;
  }
}

/** What a new leader goes on from: the snapshot in force, or a newer one it remembers; undefined at the very beginning. */
async function baseOf(
  options: ClaimOptions,
  entry: KvEntry | undefined,
): Promise<Snapshot | undefined> {
  const { bucket, remembered, acceptLoss, leader } = options;
  let stored: Snapshot | undefined;
  try {
    stored = entry === undefined ? undefined : await readSnapshot(bucket, entry);
  } catch (error) {
    const pointer = entry === undefined ? undefined : pointerOf(entry);
    if (!acceptLoss || pointer === undefined || !isPartiError(error, "PARTI_NOT_FOUND")) {
      throw error;
    }
    // A chunk is lost for good. Epoch and generation go on, since a generation never has two contents; who owned what is
    // forgotten as far as it is not remembered, which costs moves, not safety.
    const { epoch, generation } = pointer;
    stored = {
      epoch,
      generation: generation + 1,
      leader,
      reason: "cold_start",
      atMs: options.nowMs,
      workers: remembered?.workers ?? [],
      weights: remembered?.weights ?? weightTable([]),
    };
  }
  if (stored === undefined || remembered === undefined) return stored ?? remembered;
  return compareSnapshots(stored, remembered) >= 0 ? stored : remembered;
}
