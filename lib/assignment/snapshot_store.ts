/**
 * How a snapshot lies in its bucket: whole under `current` if it is small; otherwise in parts, one whole and then what has changed since,
 * written first, and under `current` a pointer to them, written last by compare-and-set. So no reader ever sees half of one, and whoever
 * knows the snapshot after one of the parts reads only those that follow.
 *
 * @module
 */
import { sameBytes } from "../codec.ts";
import { isPartiError } from "../errors.ts";
import { CURRENT_KEY } from "../names.ts";
import type { Buggify } from "../ports/buggify.ts";
import type { KvBucket, KvEntry } from "../ports/kv.ts";
import { compareSnapshots, decodeSnapshot, encodeSnapshot, type Snapshot } from "./snapshot.ts";
import { applyChange, changeBetween, decodeChange, encodeChange } from "./snapshot_change.ts";
import {
  CHUNK_BYTES,
  encodePointer,
  notUnderstood,
  partFor,
  partsOf,
  readPart,
  type StoredPart,
  writePart,
} from "./snapshot_parts.ts";

/** When a leader writes a snapshot as what. */
export interface Layout {
  /** A snapshot of so many bytes lies whole under `current`. */
  readonly wholeBytes: number;
  /** There are at most so many parts. */
  readonly partsMax: number;
  /** What has changed since the whole is at most this share of it: beyond that a new whole is cheaper for whoever knows none. */
  readonly changesShare: number;
}

/** What is sensible. */
export const LAYOUT: Layout = { wholeBytes: 16 * 1024, partsMax: 16, changesShare: 0.5 };

/**
 * The layout for one term.
 *
 * @param buggify whether small snapshots lie in parts, too
 * @returns the layout
 */
export function layoutFor(buggify: Buggify): Layout {
  if (!buggify("stored-in-parts", 0.5)) return LAYOUT;
  const partsMax = buggify("few-parts", 0.5) ? 3 : LAYOUT.partsMax;
  return { wholeBytes: 0, partsMax, changesShare: Infinity };
}

/** A snapshot, and how it lies in the bucket. */
export interface StoredSnapshot {
  /** The snapshot. */
  readonly snapshot: Snapshot;
  /** Its parts; none if it lies whole under `current`. */
  readonly parts: readonly StoredPart[];
}

/** The whole that was read last, with its bytes. */
let lastRead: { readonly data: Uint8Array; readonly snapshot: Snapshot } | undefined;
/** What a change has made of a snapshot. */
interface Changed {
  readonly before: Snapshot;
  /** The bytes of the change. */
  readonly data: Uint8Array;
  readonly snapshot: Snapshot;
}

/** So many changes are shared: some workers of a process are a little behind others. */
const CHANGES_SHARED = 4;
/** The latest changes, the latest first. Each holds two snapshots: were there no end to them, none would ever go. */
let changed: readonly Changed[] = [];

/**
 * Reads a snapshot from an entry of `current`, fetching its parts if it has any. All workers of a process read the same: they share what is
 * not very large, so that they need its memory once.
 *
 * @param bucket the assignment bucket
 * @param entry the entry; its bytes must not change afterwards
 * @param known a snapshot that was read before: the parts up to it are not read again
 * @returns the snapshot, which nobody may change
 * @throws {PartiError} `PARTI_NOT_FOUND` if a chunk is not there (yet, or any more): look at `current` again;
 * `PARTI_INVALID_ASSIGNMENT` if it cannot be understood; or what the bucket throws
 */
export async function readSnapshot(
  bucket: KvBucket,
  entry: KvEntry,
  known?: Snapshot,
): Promise<Snapshot> {
  // The same bytes say the same, whosever bucket they come from.
  if (lastRead !== undefined && sameBytes(lastRead.data, entry.value)) return lastRead.snapshot;
  const parts = partsOf(entry);
  const snapshot = parts.length === 0
    ? readWhole(entry.value)
    : await readAfter(bucket, parts, known) ?? await readAll(bucket, parts);
  if (snapshot === undefined) throw notUnderstood(entry);
  return snapshot;
}

/** Undefined if what is known is none of these parts, or what follows does not fit it. */
async function readAfter(
  bucket: KvBucket,
  parts: readonly StoredPart[],
  known: Snapshot | undefined,
): Promise<Snapshot | undefined> {
  if (known === undefined) return undefined;
  // After a lost bucket the same generation may say something else: the epoch has to be the same as well.
  const index = parts.findIndex((part) => compareSnapshots(part, known) === 0);
  if (index < 0) return undefined;
  const changes = parts.slice(index + 1);
  return applied(known, await readTexts(bucket, changes), changes);
}

async function readAll(
  bucket: KvBucket,
  parts: readonly StoredPart[],
): Promise<Snapshot | undefined> {
  const [text, ...changes] = await readTexts(bucket, parts);
  const snapshot = readWhole(text!);
  const isMeant = snapshot !== undefined && compareSnapshots(snapshot, parts[0]!) === 0;
  return isMeant ? applied(snapshot, changes, parts.slice(1)) : undefined;
}

function readTexts(bucket: KvBucket, parts: readonly StoredPart[]): Promise<Uint8Array[]> {
  return Promise.all(parts.map((part) => readPart(bucket, part)));
}

/** Undefined if one of the changes does not fit. */
function applied(
  from: Snapshot,
  texts: readonly Uint8Array[],
  parts: readonly StoredPart[],
): Snapshot | undefined {
  let snapshot = from;
  for (const [n, text] of texts.entries()) {
    const next = readChange(snapshot, text);
    if (next === undefined || compareSnapshots(next, parts[n]!) !== 0) return undefined;
    snapshot = next;
  }
  return snapshot;
}

function readWhole(data: Uint8Array): Snapshot | undefined {
  if (lastRead !== undefined && sameBytes(lastRead.data, data)) return lastRead.snapshot;
  const snapshot = decodeSnapshot(data);
  // What is shared keeps its text as well.
  if (snapshot === undefined || data.length > CHUNK_BYTES) return snapshot;
  lastRead = { data, snapshot: freeze(snapshot) };
  return snapshot;
}

function readChange(before: Snapshot, data: Uint8Array): Snapshot | undefined {
  const known = changed.find((each) => each.before === before && sameBytes(each.data, data));
  if (known !== undefined) return known.snapshot;
  const change = decodeChange(data);
  const snapshot = change && applyChange(before, change);
  if (snapshot !== undefined) {
    const latest = { before, data, snapshot: freeze(snapshot) };
    changed = [latest, ...changed.slice(0, CHANGES_SHARED - 1)];
  }
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

/** How a snapshot is written. */
export interface WriteOptions {
  /** The revision of `current` it replaces; without it there must be none. */
  readonly revision?: number | undefined;
  /** What lies there under that revision, if that is known: then what has changed since is enough. */
  readonly before?: StoredSnapshot | undefined;
  /** When it is written as what; {@linkcode LAYOUT} unless given. */
  readonly layout?: Layout | undefined;
  /** Told of each part there will be anew, before any of it is written. */
  readonly onPart?: (part: StoredPart) => void;
}

/** What has become of a write. */
export interface Written {
  /** The revision that `current` has now; undefined if the compare was lost. */
  readonly revision: number | undefined;
  /** The parts of the snapshot; none if it lies whole. */
  readonly parts: readonly StoredPart[];
}

/**
 * Writes a snapshot by compare-and-set.
 *
 * @param bucket the assignment bucket
 * @param snapshot the snapshot
 * @param options how
 * @returns the revision and the parts
 * @throws {PartiError} what the bucket throws: the outcome is then unknown
 */
export async function writeSnapshot(
  bucket: KvBucket,
  snapshot: Snapshot,
  { revision, before, layout = LAYOUT, onPart }: WriteOptions = {},
): Promise<Written> {
  const { parts, fresh, value } = layOut(snapshot, before, layout);
  for (const { part } of fresh) onPart?.(part);
  await Promise.all(fresh.map(({ part, data }) => writePart(bucket, part, data)));
  return { revision: await compareAndSet(bucket, value, revision), parts };
}

/**
 * Writes `current` once more as it is. The parts are there already.
 *
 * @param bucket the assignment bucket
 * @param stored the snapshot in force
 * @param revision of `current`
 * @returns the revision and the parts
 * @throws {PartiError} as {@linkcode writeSnapshot}
 */
export async function writeAgain(
  bucket: KvBucket,
  { snapshot, parts }: StoredSnapshot,
  revision: number,
): Promise<Written> {
  const value = parts.length === 0 ? encode(encodeSnapshot(snapshot)) : encodePointer(parts);
  return { revision: await compareAndSet(bucket, value, revision), parts };
}

/** A part that is not in the bucket yet. */
interface FreshPart {
  readonly part: StoredPart;
  readonly data: Uint8Array;
}

/** How a snapshot will lie: the parts there will be, those among them that are to be written, and what goes under `current`. */
function layOut(
  snapshot: Snapshot,
  before: StoredSnapshot | undefined,
  { wholeBytes, partsMax, changesShare }: Layout,
): { parts: readonly StoredPart[]; fresh: readonly FreshPart[]; value: Uint8Array } {
  const whole = isLonger(snapshot, wholeBytes) ? undefined : encode(encodeSnapshot(snapshot));
  if (whole !== undefined && whole.length <= wholeBytes) {
    return { parts: [], fresh: [], value: whole };
  }
  const inParts = (kept: readonly StoredPart[], ...fresh: readonly FreshPart[]) => {
    const parts = [...kept, ...fresh.map(({ part }) => part)];
    return { parts, fresh, value: encodePointer(parts) };
  };
  const wholeOf = (one: Snapshot): FreshPart => freshPart(one, encodeSnapshot(one), snapshot);
  const [first, ...changes] = before?.parts ?? [];
  if (before === undefined || first === undefined) return inParts([], wholeOf(snapshot));
  const change = freshPart(snapshot, encodeChange(changeBetween(before.snapshot, snapshot)));
  const bytes = changes.reduce((sum, part) => sum + part.bytes, change.part.bytes);
  const isCheap = bytes <= first.bytes * changesShare;
  if (isCheap && before.parts.length < partsMax) return inParts(before.parts, change);
  // Of what was before, which all who follow know: they need nothing but the change.
  return change.part.bytes <= first.bytes * changesShare
    ? inParts([], wholeOf(before.snapshot), change)
    : inParts([], wholeOf(snapshot));
}

function freshPart(after: Snapshot, text: string, writtenFor = after): FreshPart {
  const data = encode(text);
  return { part: partFor(after, data, writtenFor), data };
}

/** Whether a snapshot's text is longer than this for certain, which costs less than to make it. */
function isLonger({ workers }: Snapshot, bytes: number): boolean {
  let length = 0;
  for (const { id, instance, partitions } of workers) {
    length += id.length + instance.length;
    // Two quotes and a comma.
    for (const partition of partitions) length += partition.length + 3;
    if (length > bytes) return true;
  }
  return false;
}

/** Undefined if the compare was lost. */
async function compareAndSet(
  bucket: KvBucket,
  value: Uint8Array,
  expectedRevision: number | undefined,
): Promise<number | undefined> {
  try {
    return expectedRevision === undefined
      ? await bucket.create(CURRENT_KEY, value)
      : await bucket.update(CURRENT_KEY, value, expectedRevision);
  } catch (error) {
    if (isPartiError(error, "PARTI_CONFLICT")) return undefined;
    throw error;
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
