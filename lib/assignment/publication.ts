/**
 * Publishing and reading the assignment. One key, one compare-and-set: an old leader's next write fails because a new leader
 * writes first of all. A large snapshot goes out in chunks, the pointer last, so that no reader ever sees half of one.
 *
 * @module
 */
import { decodeJsonObject, encodeJson } from "../codec.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { chunkKey, CURRENT_KEY } from "../names.ts";
import type { Term } from "../leadership/election_agent.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { compareSnapshots, decodeSnapshot, encodeSnapshot, type Snapshot } from "./snapshot.ts";

/** A snapshot larger than this goes out in chunks: well below a server's usual limit of 1 MiB per message. */
export const CHUNK_BYTES = 256 * 1024;

/** A snapshot with the revision it was read at. */
export interface PublishedSnapshot {
  /** The snapshot. */
  readonly snapshot: Snapshot;
  /** The revision of `current`. */
  readonly revision: number;
}

/**
 * Reads a snapshot from an entry of `current`, fetching its chunks if it has any.
 *
 * @param bucket the assignment bucket
 * @param entry the entry
 * @returns the snapshot
 * @throws {PartiError} `PARTI_NOT_FOUND` if a chunk is not there (yet, or any more): look at `current` again;
 * `PARTI_INVALID_ASSIGNMENT` if it cannot be understood
 */
export async function readSnapshot(bucket: KvBucket, entry: KvEntry): Promise<Snapshot> {
  const pointer = decodeJsonObject(entry.value);
  const chunkCount = pointer?.["chunks"];
  let data = entry.value;
  if (typeof chunkCount === "number" && pointer !== undefined) {
    const epoch = Number(pointer["epoch"]);
    const generation = Number(pointer["generation"]);
    data = await readChunks(bucket, epoch, generation, chunkCount, Number(pointer["bytes"]));
  }
  const snapshot = decodeSnapshot(data);
  if (snapshot === undefined) {
    throw new PartiError(
      "PARTI_INVALID_ASSIGNMENT",
      "the published assignment cannot be understood",
      {
        value: entry.revision,
        hint: "do all workers of the group run compatible versions of parti?",
      },
    );
  }
  return snapshot;
}

async function readChunks(
  bucket: KvBucket,
  epoch: number,
  generation: number,
  count: number,
  bytes: number,
): Promise<Uint8Array> {
  const keys = Array.from({ length: count }, (_, index) => chunkKey(epoch, generation, index));
  const entries = await Promise.all(keys.map((key) => bucket.get(key)));
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const [index, entry] of entries.entries()) {
    if (entry === undefined || offset + entry.value.length > bytes) {
      throw new PartiError("PARTI_NOT_FOUND", `chunk ${keys[index]} is not there`);
    }
    data.set(entry.value, offset);
    offset += entry.value.length;
  }
  return data;
}

/** The leader's pen: the only writer of `current` in its epoch. */
export class Publication {
  readonly #bucket: KvBucket;
  #published: PublishedSnapshot;

  private constructor(bucket: KvBucket, published: PublishedSnapshot) {
    this.#bucket = bucket;
    this.#published = published;
  }

  /** The snapshot in force. */
  get snapshot(): Snapshot {
    return this.#published.snapshot;
  }

  /**
   * Takes over the assignment: rewrites `current` with the new leader's epoch and everything else as it was, after which no
   * earlier leader can write any more.
   *
   * @param bucket the assignment bucket
   * @param leader who leads
   * @param term its term: the token, and whether it still leads
   * @param nowMs the wall clock, in milliseconds since 1970
   * @returns the pen
   * @throws {PartiError} `PARTI_NOT_LEADER` if the term ends meanwhile, or what the bucket throws
   */
  static async claim(
    bucket: KvBucket,
    leader: Snapshot["leader"],
    term: Term,
    nowMs: number,
  ): Promise<Publication> {
    while (term.valid) {
      const entry = await bucket.get(CURRENT_KEY);
      const before = entry === undefined ? undefined : await readSnapshot(bucket, entry);
      // A higher epoch than ours: either a successor has taken over while we were away, or the lease bucket was lost
      // and counts anew. A renewal that succeeds *now* proves the second.
      if (before !== undefined && before.epoch >= term.epoch && !await term.confirm()) break;
      const snapshot: Snapshot = before === undefined
        ? {
          epoch: term.epoch,
          generation: 0,
          leader,
          reason: "cold_start",
          atMs: nowMs,
          workers: [],
          weights: {},
        }
        // Above the last epoch published, even if the lease bucket was lost and its revisions began anew.
        : { ...before, epoch: Math.max(term.epoch, before.epoch + 1), leader };
      const revision = await writeSnapshot(bucket, snapshot, entry?.revision);
      if (revision !== undefined) return new Publication(bucket, { snapshot, revision });
    }
    throw new PartiError("PARTI_NOT_LEADER", "leadership ended while taking over the assignment");
  }

  /**
   * Publishes the next snapshot.
   *
   * @param snapshot of this epoch, with the next generation
   * @throws {PartiError} `PARTI_STALE_EPOCH` if another leader has written since: this one leads no more; or what the bucket
   * throws, after which the same snapshot may be published again
   */
  async publish(snapshot: Snapshot): Promise<void> {
    if (compareSnapshots(snapshot, this.#published.snapshot) <= 0) {
      throw new PartiError("PARTI_INVARIANT", "a snapshot must be newer than the one in force", {
        value: { epoch: snapshot.epoch, generation: snapshot.generation },
      });
    }
    let revision = await writeSnapshot(this.#bucket, snapshot, this.#published.revision);
    if (revision === undefined) {
      // Lost to ourselves? An earlier try may have been applied although its answer never came.
      const entry = await this.#bucket.get(CURRENT_KEY);
      const now = entry === undefined ? undefined : await readSnapshot(this.#bucket, entry);
      const ours = now !== undefined && compareSnapshots(now, snapshot) === 0 &&
        now.leader.instance === snapshot.leader.instance;
      if (entry === undefined || !ours) {
        throw new PartiError("PARTI_STALE_EPOCH", "another leader has published since", {
          value: now?.epoch,
        });
      }
      revision = entry.revision;
    }
    const previous = this.#published.snapshot;
    this.#published = { snapshot, revision };
    await removeChunks(this.#bucket, previous);
  }
}

/** Writes a snapshot; undefined if the compare was lost. */
async function writeSnapshot(
  bucket: KvBucket,
  snapshot: Snapshot,
  expectedRevision: number | undefined,
): Promise<number | undefined> {
  const data = new TextEncoder().encode(encodeSnapshot(snapshot));
  let value: Uint8Array = data;
  if (data.length > CHUNK_BYTES) {
    const count = Math.ceil(data.length / CHUNK_BYTES);
    const { epoch, generation } = snapshot;
    for (let index = 0; index < count; index++) {
      const chunk = data.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      await bucket.put(chunkKey(epoch, generation, index), chunk);
    }
    value = encodeJson({ v: 1, epoch, generation, chunks: count, bytes: data.length });
  }
  try {
    return expectedRevision === undefined
      ? await bucket.create(CURRENT_KEY, value)
      : await bucket.update(CURRENT_KEY, value, expectedRevision);
  } catch (error) {
    if (isPartiError(error, "PARTI_CONFLICT")) return undefined;
    throw error;
  }
}

/** Removes the chunks of a snapshot that is no longer in force. Left-overs do no harm, so failures are left to the next time. */
async function removeChunks(bucket: KvBucket, snapshot: Snapshot): Promise<void> {
  const bytes = new TextEncoder().encode(encodeSnapshot(snapshot)).length;
  if (bytes <= CHUNK_BYTES) return;
  const count = Math.ceil(bytes / CHUNK_BYTES);
  for (let index = 0; index < count; index++) {
    try {
      await bucket.remove(chunkKey(snapshot.epoch, snapshot.generation, index));
    } catch (error) {
      if (!isPartiError(error)) throw error;
    }
  }
}
