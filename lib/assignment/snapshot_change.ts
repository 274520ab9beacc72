/**
 * What a snapshot differs in from the one before it: made by the leader, applied by whoever has the one before. It costs what has
 * changed, not what there is.
 *
 * @module
 */
import { decodeJsonObject, isCount, isJsonObject } from "../codec.ts";
import type { PartitionId } from "./partition.ts";
import {
  compareSnapshots,
  decodeHead,
  decodeWeights,
  decodeWorkers,
  type Snapshot,
  type SnapshotHead,
  type SnapshotWorker,
  VERSION,
} from "./snapshot.ts";

/** A worker that stays, with other partitions. */
export interface WorkerChange {
  /** The stable ID. */
  readonly id: string;
  /** The instance, the same before and after. */
  readonly instance: string;
  /** The partitions it has and had not, sorted. */
  readonly added: readonly PartitionId[];
  /** The partitions it had and has not, sorted. */
  readonly removed: readonly PartitionId[];
}

/** A worker that was not there, or not as this instance. */
export interface WorkerArrival extends SnapshotWorker {
  /** Its place among all workers afterwards, from 0. */
  readonly at: number;
}

/** What a snapshot differs in from the one before it. */
export interface SnapshotChange extends SnapshotHead {
  /** The snapshot it is to be applied to, and no other. */
  readonly after: Pick<Snapshot, "epoch" | "generation">;
  /** The stable IDs of the entries that are no more. */
  readonly gone: readonly string[];
  /** Those who stay with other partitions. All others stay as they are. */
  readonly changed: readonly WorkerChange[];
  /** Those who were not there, in the order of their places. */
  readonly came: readonly WorkerArrival[];
  /** The weights that are others, 1 included. An object without a prototype. */
  readonly weights: Readonly<Record<PartitionId, number>>;
}

/**
 * Finds what has changed.
 *
 * @param before a snapshot
 * @param now a newer one
 * @returns what makes the second of the first
 */
export function changeBetween(before: Snapshot, now: Snapshot): SnapshotChange {
  const { workers, weights, ...head } = now;
  const places = new Map(workers.map(({ id }, place) => [id, place]));
  const gone: string[] = [], changed: WorkerChange[] = [];
  const kept = new Set<string>();
  let lastPlace = -1;
  for (const worker of before.workers) {
    const place = places.get(worker.id) ?? -1;
    const change = place > lastPlace ? changeOf(worker, workers[place]!) : undefined;
    if (change === undefined) {
      gone.push(worker.id);
      continue;
    }
    lastPlace = place;
    kept.add(worker.id);
    if (change.added.length + change.removed.length > 0) changed.push(change);
  }
  const came = workers.flatMap((worker, at) => kept.has(worker.id) ? [] : [{ at, ...worker }]);
  const { epoch, generation } = before;
  const changedWeights = weightsBetween(before.weights, weights);
  return { ...head, after: { epoch, generation }, gone, changed, came, weights: changedWeights };
}

/** Undefined if its new entry is to be said as a whole: of another instance, or with partitions in no order in which they could be merged. */
function changeOf(before: SnapshotWorker, now: SnapshotWorker): WorkerChange | undefined {
  const { id, instance } = now;
  if (before.instance !== instance) return undefined;
  const [had, has] = [before.partitions, now.partitions];
  if (had.length === has.length && had.every((partition, n) => partition === has[n])) {
    return { id, instance, added: [], removed: [] };
  }
  if (!isAscending(had) || !isAscending(has)) return undefined;
  const added: PartitionId[] = [], removed: PartitionId[] = [];
  let i = 0;
  for (const partition of has) {
    while (i < had.length && had[i]! < partition) removed.push(had[i++]!);
    if (had[i] === partition) i++;
    else added.push(partition);
  }
  return { id, instance, added, removed: removed.concat(had.slice(i)) };
}

function isAscending(ids: readonly PartitionId[]): boolean {
  return ids.every((id, n) => n === 0 || ids[n - 1]! < id);
}

function weightsBetween(
  before: Snapshot["weights"],
  now: Snapshot["weights"],
): Record<PartitionId, number> {
  const table: Record<PartitionId, number> = Object.create(null);
  for (const [id, weight] of Object.entries(now)) if (before[id] !== weight) table[id] = weight;
  for (const id of Object.keys(before)) if (now[id] === undefined) table[id] = 1;
  return table;
}

/**
 * Applies a change. Entries that have not changed are shared with the snapshot before.
 *
 * @param before the snapshot before
 * @param change what has changed since
 * @returns the snapshot after; undefined if it is no change of this snapshot, or would give a partition to two workers
 */
export function applyChange(before: Snapshot, change: SnapshotChange): Snapshot | undefined {
  const { after, gone, changed, came, weights, ...head } = change;
  const isNext = compareSnapshots(after, before) === 0 && compareSnapshots(head, before) > 0;
  if (!isNext || !hasOneOwnerEach(before, change)) return undefined;
  const left = new Set(gone);
  const changes = new Map(changed.map((each) => [each.id, each]));
  if (left.size !== gone.length || changes.size !== changed.length) return undefined;
  const kept: SnapshotWorker[] = [];
  for (const worker of before.workers) {
    if (left.delete(worker.id)) continue;
    const each = changes.get(worker.id);
    changes.delete(worker.id);
    const next = each === undefined ? worker : changedWorker(worker, each);
    if (next === undefined) return undefined;
    kept.push(next);
  }
  // Somebody was to go or to change who was not there.
  if (left.size + changes.size > 0) return undefined;
  const workers = inserted(kept, came);
  return workers && { ...head, workers, weights: changedWeights(before.weights, weights) };
}

function changedWorker(before: SnapshotWorker, change: WorkerChange): SnapshotWorker | undefined {
  const { id, instance, added } = change;
  const removed = new Set(change.removed);
  const partitions = before.partitions.filter((partition) => !removed.has(partition));
  const isThis = instance === before.instance &&
    partitions.length === before.partitions.length - change.removed.length;
  if (!isThis) return undefined;
  return { id, instance, partitions: partitions.concat(added).sort() };
}

function inserted(
  kept: readonly SnapshotWorker[],
  came: readonly WorkerArrival[],
): SnapshotWorker[] | undefined {
  const workers: SnapshotWorker[] = [];
  const ids = new Set(kept.map(({ id }) => id));
  let taken = 0;
  for (const { at, ...worker } of came) {
    while (workers.length < at && taken < kept.length) workers.push(kept[taken++]!);
    if (workers.length !== at || ids.has(worker.id)) return undefined;
    ids.add(worker.id);
    workers.push(worker);
  }
  return workers.concat(kept.slice(taken));
}

/**
 * Whether nobody gets what somebody else keeps. Usually each partition that somebody gets is one that the change itself takes from somebody;
 * only for those that are new all others are looked at.
 */
function hasOneOwnerEach(before: Snapshot, { gone, changed, came }: SnapshotChange): boolean {
  const gained = [...changed.map(({ added }) => added), ...came.map((each) => each.partitions)]
    .flat();
  const news = new Set(gained);
  if (news.size !== gained.length) return false;
  const left = new Set(gone);
  for (const { removed } of changed) for (const id of removed) news.delete(id);
  for (const { id, partitions } of before.workers) {
    if (left.has(id)) { for (const partition of partitions) news.delete(partition); }
  }
  if (news.size === 0) return true;
  return !before.workers.some(({ id, partitions }) =>
    !left.has(id) && partitions.some((partition) => news.has(partition))
  );
}

function changedWeights(
  before: Snapshot["weights"],
  changes: Snapshot["weights"],
): Snapshot["weights"] {
  const entries = Object.entries(changes);
  if (entries.length === 0) return before;
  const table: Record<PartitionId, number> = Object.assign(Object.create(null), before);
  for (const [id, weight] of entries) {
    if (weight === 1) delete table[id];
    else table[id] = weight;
  }
  return table;
}

/**
 * Encodes a change as text.
 *
 * @param change the change
 * @returns JSON
 */
export function encodeChange(change: SnapshotChange): string {
  return JSON.stringify({ v: VERSION, ...change });
}

/**
 * Decodes a change. Whether it fits a snapshot is found out by {@linkcode applyChange}.
 *
 * @param data the bytes of the JSON
 * @returns the change, or undefined if it cannot be understood
 */
export function decodeChange(data: Uint8Array): SnapshotChange | undefined {
  const raw = decodeJsonObject(data);
  const head = raw === undefined ? undefined : decodeHead(raw);
  if (raw === undefined || head === undefined || !isJsonObject(raw["after"])) return undefined;
  const { epoch, generation } = raw["after"];
  const { gone } = raw;
  if (!isCount(epoch) || !isCount(generation) || !isTexts(gone)) return undefined;
  const changed = decodeList(raw["changed"], decodeWorkerChange);
  const came = decodeArrivals(raw["came"]);
  const weighed = decodeWeights(raw["weights"]);
  if (changed === undefined || came === undefined || weighed === undefined) return undefined;
  const weights: Record<PartitionId, number> = Object.create(null);
  for (const [id, weight] of weighed) weights[id] = weight;
  return { ...head, after: { epoch, generation }, gone, changed, came, weights };
}

function decodeWorkerChange(raw: unknown): WorkerChange | undefined {
  if (!isJsonObject(raw)) return undefined;
  const { id, instance, added, removed } = raw;
  if (typeof id !== "string" || typeof instance !== "string") return undefined;
  return isTexts(added) && isTexts(removed) ? { id, instance, added, removed } : undefined;
}

function decodeArrivals(raw: unknown): WorkerArrival[] | undefined {
  const workers = decodeWorkers(raw);
  const places = decodeList(raw, (each) => {
    const at = isJsonObject(each) ? each["at"] : undefined;
    return isCount(at) ? at : undefined;
  });
  if (workers === undefined || places === undefined) return undefined;
  return workers.map((worker, n) => ({ at: places[n]!, ...worker }));
}

function decodeList<T>(
  raw: unknown,
  decode: (raw: unknown) => T | undefined,
): T[] | undefined {
  if (!Array.isArray(raw)) return undefined;
  const list = raw.map(decode);
  return list.includes(undefined) ? undefined : list as T[];
}

function isTexts(raw: unknown): raw is string[] {
  return Array.isArray(raw) && raw.every((each) => typeof each === "string");
}
