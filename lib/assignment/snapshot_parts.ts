/**
 * The parts of which a large snapshot consists: one whole, then what has changed since, one after the other. Each lies in chunks under
 * keys of its own, and `current` is a pointer to them.
 *
 * A chunk's key has the hash of its part in it, so a chunk, once written, never changes, and whoever reads one that is there reads the right
 * one. Epoch and generation would not be enough: a leader that is not sure of having taken over tries again, perhaps on a reading that is
 * behind, and what was a change is a whole then. The hash is seeded with the snapshot for which the part was written, so that no two writes
 * have a key in common: the removal of what one has left, which the server may be late with, takes nothing from another.
 *
 * @module
 */
import { decodeJsonObject, encodeJson, isCount, isJsonObject } from "../codec.ts";
import { PartiError } from "../errors.ts";
import { CHUNK_KEYS, chunkKey, CURRENT_KEY, type PartName, partOfKey } from "../names.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { compareSnapshots, type Snapshot, VERSION } from "./snapshot.ts";
import { xxh3 } from "./strategies/xxh3.ts";

/** A part larger than this goes out in chunks of this size, in bytes: well below a server's usual limit of 1 MiB per message. */
export const CHUNK_BYTES = 256 * 1024;

/** More chunks than this are not believed: a hostile pointer must not make a reader allocate the world. */
const CHUNKS_MAX = 1_024;

const HASH = /^[0-9a-f]{16}$/;

/** One part: a whole snapshot, or what has changed since the part before it. */
export interface StoredPart extends PartName {
  /** How many chunks there are. */
  readonly chunks: number;
  /** How long the text of the part is, in bytes. */
  readonly bytes: number;
}

/**
 * Describes a part.
 *
 * @param snapshot the snapshot that one has after it
 * @param data its text
 * @param writtenFor the snapshot that is being published; the same, unless this is a whole of the one before
 * @returns how it lies in the bucket
 */
export function partFor(
  { epoch, generation }: Pick<Snapshot, "epoch" | "generation">,
  data: Uint8Array,
  writtenFor: Pick<Snapshot, "epoch" | "generation"> = { epoch, generation },
): StoredPart {
  const seed = BigInt.asUintN(
    64,
    (BigInt(writtenFor.epoch) << 32n) + BigInt(writtenFor.generation),
  );
  const hash = xxh3(data, seed).toString(16).padStart(16, "0");
  const bytes = data.length;
  return { epoch, generation, hash, chunks: Math.ceil(bytes / CHUNK_BYTES), bytes };
}

/**
 * What `current` says of a snapshot in parts.
 *
 * @param parts the parts, the whole first
 * @returns the value
 */
export function encodePointer(parts: readonly StoredPart[]): Uint8Array {
  const { epoch, generation } = parts.at(-1)!;
  return encodeJson({ v: VERSION, epoch, generation, parts });
}

/**
 * The parts to which an entry of `current` points.
 *
 * @param entry the entry
 * @returns the parts, the whole first; none if the entry is no pointer but the snapshot itself
 * @throws {PartiError} `PARTI_INVALID_ASSIGNMENT` if it is a pointer that cannot be right
 */
export function partsOf(entry: KvEntry): readonly StoredPart[] {
  const raw = decodeJsonObject(entry.value);
  if (raw === undefined || raw["parts"] === undefined) return [];
  const { v, epoch, generation } = raw;
  const parts = decodeParts(raw["parts"]);
  const last = parts?.at(-1);
  const isMeant = v === VERSION && last?.epoch === epoch && last?.generation === generation;
  if (parts === undefined || last === undefined || !isMeant) throw notUnderstood(entry);
  return parts;
}

function decodeParts(raw: unknown): StoredPart[] | undefined {
  if (!Array.isArray(raw) || raw.length > CHUNKS_MAX) return undefined;
  const parts: StoredPart[] = [];
  let chunksInAll = 0;
  for (const each of raw) {
    if (!isJsonObject(each)) return undefined;
    const { epoch, generation, hash, chunks, bytes } = each;
    if (!isCount(epoch) || !isCount(generation) || !isCount(chunks) || !isCount(bytes)) {
      return undefined;
    }
    // It becomes a part of keys.
    if (typeof hash !== "string" || !HASH.test(hash)) return undefined;
    const part = { epoch, generation, hash, chunks, bytes };
    const before = parts.at(-1);
    chunksInAll += chunks;
    const isBelievable = chunks > 0 && bytes <= chunks * CHUNK_BYTES && chunksInAll <= CHUNKS_MAX;
    if (!isBelievable || (before !== undefined && compareSnapshots(part, before) <= 0)) {
      return undefined;
    }
    parts.push(part);
  }
  return parts;
}

/**
 * Whether a part is among others.
 *
 * @param parts the others
 * @param part the part
 * @returns true if one of them has its name
 */
export function hasPart(parts: readonly PartName[], part: PartName): boolean {
  return parts.some((each) => compareSnapshots(each, part) === 0 && each.hash === part.hash);
}

/**
 * Reads a part.
 *
 * @param bucket the assignment bucket
 * @param part which
 * @returns its text
 * @throws {PartiError} `PARTI_NOT_FOUND` if a chunk is not there (yet, or any more); `PARTI_INVALID_ASSIGNMENT` if the part is not as long as
 * it should be; or what the bucket throws
 */
export async function readPart(bucket: KvBucket, part: StoredPart): Promise<Uint8Array> {
  const keys = keysOf(part);
  const entries = await Promise.all(keys.map((key) => bucket.get(key)));
  const missing = entries.findIndex((entry) => entry === undefined);
  if (missing >= 0) throw new PartiError("PARTI_NOT_FOUND", `${keys[missing]} is not there`);
  const chunks = entries.map((entry) => entry!.value);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (bytes !== part.bytes) {
    throw new PartiError(
      "PARTI_INVALID_ASSIGNMENT",
      `a part of the published assignment has ${bytes} bytes, not ${part.bytes}`,
      { value: part },
    );
  }
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    data.set(chunk, offset);
    offset += chunk.length;
  }
  return data;
}

/**
 * Writes a part.
 *
 * @param bucket the assignment bucket
 * @param part which
 * @param data its text
 * @throws {PartiError} what the bucket throws
 */
export async function writePart(
  bucket: KvBucket,
  part: StoredPart,
  data: Uint8Array,
): Promise<void> {
  await Promise.all(
    keysOf(part).map((key, index) =>
      bucket.put(key, data.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES))
    ),
  );
}

/**
 * Removes a part. A marker for each chunk would stay for ever, since nothing expires in this bucket.
 *
 * @param bucket the assignment bucket
 * @param part which
 * @returns true if all of it is gone; false if the server did not answer for a chunk
 */
export async function removePart(bucket: KvBucket, part: StoredPart): Promise<boolean> {
  const results = await Promise.allSettled(keysOf(part).map((key) => bucket.erase(key)));
  return results.every((result) => result.status === "fulfilled");
}

/**
 * Removes the parts of earlier epochs but those that are still read. None of the present epoch: this leader knows its own, and may be
 * writing one while the keys are listed, as its successor may, who goes on from a snapshot of this epoch. Of an earlier one nobody writes
 * any that will be in force.
 *
 * @param bucket the assignment bucket
 * @param epoch the epoch of the one in force
 * @param read the parts that must stay
 * @throws {PartiError} what the bucket throws
 */
export async function removePartsBefore(
  bucket: KvBucket,
  epoch: number,
  read: readonly PartName[],
): Promise<void> {
  const keys = (await bucket.list(CHUNK_KEYS)).map(({ key }) => key);
  const over = keys.filter((key) => {
    const part = partOfKey(key);
    return part !== undefined && part.epoch < epoch && !hasPart(read, part);
  });
  // One that gets no answer must not keep all others.
  const results = await Promise.allSettled(over.map((key) => bucket.erase(key)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function keysOf(part: StoredPart): string[] {
  return Array.from({ length: part.chunks }, (_, index) => chunkKey(part, index));
}

/**
 * @param entry what lies under `current`
 * @returns the error that says that it is no assignment
 */
export function notUnderstood(entry: KvEntry): PartiError {
  return new PartiError(
    "PARTI_INVALID_ASSIGNMENT",
    "the published assignment cannot be understood",
    {
      value: entry.revision,
      hint:
        `do all workers of the group run compatible versions of parti? If they do, delete the key ${CURRENT_KEY}: the leader writes it anew`,
    },
  );
}
