/**
 * How a snapshot lies in its bucket: whole under `current` if it is small; otherwise in chunks under keys of their own, written
 * first, and under `current` a pointer to them, written last by compare-and-set. So no reader ever sees half of one.
 *
 * A chunk's key names epoch and generation, and a leader never uses a generation for two contents; so a chunk, once written,
 * never changes, and whoever reads one that is there reads the right one.
 *
 * @module
 */
import { decodeJsonObject, encodeJson, sameBytes } from "../codec.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { chunkKey, CURRENT_KEY } from "../names.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { compareSnapshots, decodeSnapshot, encodeSnapshot, type Snapshot } from "./snapshot.ts";

/** A snapshot larger than this goes out in chunks of this size, in bytes: well below a server's usual limit of 1 MiB per message. */
export const CHUNK_BYTES = 256 * 1024;

/** More chunks than this are not believed: a hostile pointer must not make a reader allocate the world. */
const CHUNKS_MAX = 1_024;

const CHUNK_KEYS = "chunk.>";
const CHUNK_KEY = /^chunk\.(\d+)\.(\d+)\.\d+$/;

/** Which chunks a snapshot consists of. */
export interface StoredChunks {
  /** The snapshot's epoch. */
  readonly epoch: number;
  /** The snapshot's generation. */
  readonly generation: number;
  /** How many chunks; 0 if it is stored whole. */
  readonly count: number;
}

/** A pointer to a snapshot in chunks. */
export interface SnapshotPointer extends StoredChunks {
  /** The size of the whole, in bytes. */
  readonly bytes: number;
}

/**
 * The pointer in an entry of `current`.
 *
 * @param entry the entry
 * @returns the pointer; undefined if the snapshot is stored whole
 * @throws {PartiError} `PARTI_INVALID_ASSIGNMENT` if it is a pointer that cannot be right
 */
export function pointerOf(entry: KvEntry): SnapshotPointer | undefined {
  const raw = decodeJsonObject(entry.value);
  if (raw === undefined || raw["chunks"] === undefined) return undefined;
  const { epoch, generation, chunks: count, bytes } = raw;
  const isCount = (value: unknown): value is number =>
    Number.isSafeInteger(value) && value as number >= 0;
  if (
    !isCount(epoch) || !isCount(generation) || !isCount(count) || !isCount(bytes) ||
    count === 0 || count > CHUNKS_MAX || bytes > count * CHUNK_BYTES
  ) {
    throw notUnderstood(entry);
  }
  return { epoch, generation, count, bytes };
}

/** The one that was read last of those that are stored whole, with its bytes. */
let lastRead: { readonly data: Uint8Array; readonly snapshot: Snapshot } | undefined;

/**
 * Reads a snapshot from an entry of `current`, fetching its chunks if it has any. All workers of a process read the same: what is stored
 * whole they share, so that they need its memory once.
 *
 * @param bucket the assignment bucket
 * @param entry the entry; its bytes must not change afterwards
 * @returns the snapshot, which nobody may change
 * @throws {PartiError} `PARTI_NOT_FOUND` if a chunk is not there (yet, or any more): look at `current` again;
 * `PARTI_INVALID_ASSIGNMENT` if it cannot be understood; or what the bucket throws
 */
export async function readSnapshot(bucket: KvBucket, entry: KvEntry): Promise<Snapshot> {
  // The same bytes say the same, whosever bucket they come from.
  if (lastRead !== undefined && sameBytes(lastRead.data, entry.value)) return lastRead.snapshot;
  const pointer = pointerOf(entry);
  const data = pointer === undefined ? entry.value : await readChunks(bucket, pointer);
  const snapshot = decodeSnapshot(data);
  const isMeant = pointer === undefined ||
    (snapshot !== undefined && compareSnapshots(snapshot, pointer) === 0);
  if (snapshot === undefined || !isMeant) throw notUnderstood(entry);
  if (pointer === undefined) lastRead = { data, snapshot: freeze(snapshot) };
  return snapshot;
}

function freeze(snapshot: Snapshot): Snapshot {
  for (const worker of snapshot.workers) {
    Object.freeze(worker.partitions);
    Object.freeze(worker);
  }
  for (const part of [snapshot.leader, snapshot.workers, snapshot.weights]) Object.freeze(part);
  return Object.freeze(snapshot);
}

/**
 * Gives the memory of an entry back that was read last: what its bytes are compared with later, those of the shared snapshot will do.
 *
 * @param entry the entry
 * @returns the same, with bytes that are kept anyway if there are such
 */
export function sharedEntry(entry: KvEntry): KvEntry {
  if (lastRead === undefined || !sameBytes(lastRead.data, entry.value)) return entry;
  return { ...entry, value: lastRead.data };
}

/**
 * Writes a snapshot by compare-and-set.
 *
 * @param bucket the assignment bucket
 * @param snapshot the snapshot
 * @param expectedRevision the revision of `current` it replaces; without it there must be none
 * @param onChunks told which chunks there will be, before the first is written
 * @returns the revision it has now, undefined if the compare was lost; and its chunks
 * @throws {PartiError} what the bucket throws: the outcome is then unknown
 */
export async function writeSnapshot(
  bucket: KvBucket,
  snapshot: Snapshot,
  expectedRevision: number | undefined,
  onChunks?: (chunks: StoredChunks) => void,
): Promise<{ revision: number | undefined; chunks: StoredChunks }> {
  const { epoch, generation } = snapshot;
  const data = new TextEncoder().encode(encodeSnapshot(snapshot));
  const count = data.length > CHUNK_BYTES ? Math.ceil(data.length / CHUNK_BYTES) : 0;
  const chunks: StoredChunks = { epoch, generation, count };
  let value: Uint8Array = data;
  if (count > 0) {
    onChunks?.(chunks);
    await Promise.all(
      keysOf(chunks).map((key, index) =>
        bucket.put(key, data.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES))
      ),
    );
    value = encodeJson({ v: 1, epoch, generation, chunks: count, bytes: data.length });
  }
  try {
    const revision = expectedRevision === undefined
      ? await bucket.create(CURRENT_KEY, value)
      : await bucket.update(CURRENT_KEY, value, expectedRevision);
    return { revision, chunks };
  } catch (error) {
    if (isPartiError(error, "PARTI_CONFLICT")) return { revision: undefined, chunks };
    throw error;
  }
}

/**
 * Removes a snapshot's chunks. A marker for each would stay for ever, since nothing expires in this bucket.
 *
 * @param bucket the assignment bucket
 * @param chunks which
 * @returns true if all are gone; false if the server did not answer for one
 */
export async function removeChunks(bucket: KvBucket, chunks: StoredChunks): Promise<boolean> {
  const results = await Promise.allSettled(keysOf(chunks).map((key) => bucket.erase(key)));
  return results.every((result) => result.status === "fulfilled");
}

/**
 * Removes the chunks of all snapshots older than one. Never those of newer ones: a successor may just be writing them.
 *
 * @param bucket the assignment bucket
 * @param snapshot the one in force
 * @throws {PartiError} what the bucket throws
 */
export async function removeChunksBefore(bucket: KvBucket, snapshot: Snapshot): Promise<void> {
  for (const { key } of await bucket.list(CHUNK_KEYS)) {
    const match = CHUNK_KEY.exec(key);
    if (match === null) continue;
    const chunk = { epoch: Number(match[1]), generation: Number(match[2]) };
    if (compareSnapshots(chunk, snapshot) < 0) await bucket.erase(key);
  }
}

async function readChunks(bucket: KvBucket, pointer: SnapshotPointer): Promise<Uint8Array> {
  const keys = keysOf(pointer);
  const entries = await Promise.all(keys.map((key) => bucket.get(key)));
  const missing = entries.findIndex((entry) => entry === undefined);
  if (missing >= 0) throw new PartiError("PARTI_NOT_FOUND", `${keys[missing]} is not there`);
  const parts = entries.map((entry) => entry!.value);
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes !== pointer.bytes) {
    throw new PartiError(
      "PARTI_INVALID_ASSIGNMENT",
      `the published assignment has ${bytes} bytes, not ${pointer.bytes}`,
      { value: pointer },
    );
  }
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return data;
}

function keysOf(chunks: StoredChunks): string[] {
  const { epoch, generation, count } = chunks;
  return Array.from({ length: count }, (_, index) => chunkKey(epoch, generation, index));
}

function notUnderstood(entry: KvEntry): PartiError {
  return new PartiError(
    "PARTI_INVALID_ASSIGNMENT",
    "the published assignment cannot be understood",
    {
      value: entry.revision,
      hint: "do all workers of the group run compatible versions of parti?",
    },
  );
}
