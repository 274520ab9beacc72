/**
 * The assignment in force: one snapshot of who owns what, written by the leader alone, read by all.
 *
 * @module
 */
import { decodeJsonObject, isCount, isJsonObject } from "../codec.ts";
import type { PartitionId, StrategyPartition } from "./partition.ts";

/** Why a generation was made. */
export type RebalanceReason =
  | "cold_start"
  | "restart"
  | "planned_scale"
  | "emergency"
  | "partition_change"
  | "refresh"
  | "imbalance";

/** One worker's part of a snapshot. */
export interface SnapshotWorker {
  /** The stable ID. */
  readonly id: string;
  /** The instance this part is for: another life of the same ID does not own it. */
  readonly instance: string;
  /** The partitions, sorted. */
  readonly partitions: readonly PartitionId[];
}

/** Who owns what. */
export interface Snapshot {
  /** The leader's fencing token: grows with each new leader. */
  readonly epoch: number;
  /** Grows with each change of the assignment, never reset; may skip numbers. 0 before the first. */
  readonly generation: number;
  /** Who wrote it. */
  readonly leader: { readonly worker: string; readonly instance: string };
  /** Why this generation was made. */
  readonly reason: RebalanceReason;
  /** When, by the leader's wall clock, in milliseconds since 1970: for people. */
  readonly atMs: number;
  /** All workers of the group, sorted by ID. */
  readonly workers: readonly SnapshotWorker[];
  /**
   * The weights of partitions whose weight is not 1. An object without a prototype, since a partition may well be called
   * `constructor`; made by {@linkcode weightTable}.
   */
  readonly weights: Readonly<Record<PartitionId, number>>;
}

/** What a snapshot says of itself: all but who owns what. */
export type SnapshotHead = Omit<Snapshot, "workers" | "weights">;

/** The version of what is encoded here and in `snapshot_change.ts`. */
export const VERSION = 1;

/**
 * Orders two snapshots.
 *
 * @param a one
 * @param b the other
 * @returns below 0 if `a` is older, above 0 if it is newer, 0 if they are of one epoch and generation
 */
export function compareSnapshots(
  a: Pick<Snapshot, "epoch" | "generation">,
  b: Pick<Snapshot, "epoch" | "generation">,
): number {
  return a.epoch - b.epoch || a.generation - b.generation;
}

/**
 * Owner of each partition.
 *
 * @param snapshot the snapshot
 * @returns partition → the worker's part
 */
export function ownersOf(snapshot: Snapshot): Map<PartitionId, SnapshotWorker> {
  const owners = new Map<PartitionId, SnapshotWorker>();
  for (const worker of snapshot.workers) {
    for (const id of worker.partitions) owners.set(id, worker);
  }
  return owners;
}

const instances = new WeakMap<Snapshot, ReadonlySet<string>>();

/**
 * The instances among which a snapshot divides the partitions.
 *
 * @param snapshot the snapshot
 * @returns them; one set for all who ask of the same snapshot, as the workers of a process do
 */
export function instancesOf(snapshot: Snapshot): ReadonlySet<string> {
  let found = instances.get(snapshot);
  if (found === undefined) {
    found = new Set(snapshot.workers.map(({ instance }) => instance));
    instances.set(snapshot, found);
  }
  return found;
}

/**
 * The partitions a snapshot assigns.
 *
 * @param snapshot the snapshot
 * @returns them with their weights, in no particular order
 */
export function partitionsOf(snapshot: Snapshot): StrategyPartition[] {
  return snapshot.workers.flatMap((worker) =>
    worker.partitions.map((id) => ({ id, weight: snapshot.weights[id] ?? 1 }))
  );
}

/**
 * Makes a table of weights.
 *
 * @param weights partition and weight; those that weigh 1 are left out
 * @returns the table
 */
export function weightTable(
  weights: Iterable<readonly [PartitionId, number]>,
): Record<PartitionId, number> {
  const table: Record<PartitionId, number> = Object.create(null);
  for (const [id, weight] of weights) {
    if (weight !== 1) table[id] = weight;
  }
  return table;
}

/**
 * Encodes a snapshot as text.
 *
 * @param snapshot the snapshot
 * @returns JSON
 */
export function encodeSnapshot(snapshot: Snapshot): string {
  return JSON.stringify({ v: VERSION, ...snapshot });
}

/**
 * Decodes a snapshot.
 *
 * @param data the bytes of the JSON
 * @returns the snapshot, or undefined if it cannot be understood or gives a partition to two workers
 */
export function decodeSnapshot(data: Uint8Array): Snapshot | undefined {
  const raw = decodeJsonObject(data);
  const head = raw === undefined ? undefined : decodeHead(raw);
  if (raw === undefined || head === undefined) return undefined;
  const workers = decodeWorkers(raw["workers"]);
  const weighed = decodeWeights(raw["weights"]);
  if (workers === undefined || weighed === undefined) return undefined;
  return { ...head, workers, weights: weightTable(weighed) };
}

/**
 * Decodes what a snapshot, or a change of one, says of itself.
 *
 * @param raw the decoded JSON
 * @returns the head, or undefined if it is of another version or cannot be understood
 */
export function decodeHead(raw: Record<string, unknown>): SnapshotHead | undefined {
  const { v, epoch, generation, leader, reason, atMs } = raw;
  if (v !== VERSION || !isCount(epoch) || !isCount(generation)) return undefined;
  if (typeof atMs !== "number" || typeof reason !== "string") return undefined;
  if (!isJsonObject(leader)) return undefined;
  const { worker, instance } = leader;
  if (typeof worker !== "string" || typeof instance !== "string") return undefined;
  const head = { epoch, generation, leader: { worker, instance }, atMs };
  return { ...head, reason: reason as RebalanceReason };
}

/**
 * Decodes weights.
 *
 * @param value the decoded JSON
 * @returns partition and weight, or undefined if they are no weights
 */
export function decodeWeights(value: unknown): [PartitionId, number][] | undefined {
  if (!isJsonObject(value)) return undefined;
  const weighed = Object.entries(value);
  return weighed.every(isWeighed) ? weighed : undefined;
}

function isWeighed(entry: [string, unknown]): entry is [string, number] {
  return typeof entry[1] === "number" && Number.isFinite(entry[1]) && entry[1] > 0;
}

/**
 * Decodes workers' parts.
 *
 * @param value the decoded JSON
 * @returns the parts, or undefined if they cannot be understood or give a partition to two workers
 */
export function decodeWorkers(value: unknown): SnapshotWorker[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const workers: SnapshotWorker[] = [];
  const ids = new Set<string>(), assigned = new Set<string>();
  let partitionCount = 0;
  for (const raw of value) {
    if (!isJsonObject(raw)) return undefined;
    const { id, instance, partitions } = raw;
    if (typeof id !== "string" || typeof instance !== "string") return undefined;
    if (!Array.isArray(partitions)) return undefined;
    for (const partition of partitions) {
      if (typeof partition !== "string") return undefined;
      assigned.add(partition);
    }
    partitionCount += partitions.length;
    ids.add(id);
    workers.push({ id, instance, partitions });
  }
  // Two owners of one partition are what all of this exists to prevent.
  return ids.size === workers.length && assigned.size === partitionCount ? workers : undefined;
}
