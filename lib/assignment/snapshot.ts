/**
 * The assignment in force: one snapshot of who owns what, written by the leader alone, read by all.
 *
 * @module
 */
import { decodeJsonObject } from "../codec.ts";
import type { PartitionId } from "./partition.ts";

/** Why a generation was made. */
export type RebalanceReason =
  | "cold_start"
  | "restart"
  | "planned_scale"
  | "emergency"
  | "partition_change"
  | "refresh";

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
  /** Grows with each change of the assignment, never reset. 0 before the first. */
  readonly generation: number;
  /** Who wrote it. */
  readonly leader: { readonly worker: string; readonly instance: string };
  /** Why this generation was made. */
  readonly reason: RebalanceReason;
  /** When, by the leader's wall clock, in milliseconds since 1970: for people. */
  readonly atMs: number;
  /** All workers of the group, sorted by ID. */
  readonly workers: readonly SnapshotWorker[];
  /** The weights of partitions whose weight is not 1. */
  readonly weights: Readonly<Record<PartitionId, number>>;
}

const VERSION = 1;

/**
 * Orders two snapshots.
 *
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
 * @returns the snapshot, or undefined if it cannot be understood
 */
export function decodeSnapshot(data: Uint8Array): Snapshot | undefined {
  const raw = decodeJsonObject(data);
  if (raw === undefined || raw["v"] !== VERSION) return undefined;
  const { epoch, generation, leader, reason, atMs, workers, weights } = raw;
  const wellFormed = typeof epoch === "number" && typeof generation === "number" &&
    typeof leader === "object" && leader !== null && typeof reason === "string" &&
    typeof atMs === "number" && Array.isArray(workers) && workers.every(isSnapshotWorker) &&
    typeof weights === "object" && weights !== null;
  if (!wellFormed) return undefined;
  return {
    epoch,
    generation,
    leader: leader as Snapshot["leader"],
    reason: reason as RebalanceReason,
    atMs,
    workers,
    weights: weights as Snapshot["weights"],
  };
}

function isSnapshotWorker(value: unknown): value is SnapshotWorker {
  if (typeof value !== "object" || value === null) return false;
  const { id, instance, partitions } = value as Record<string, unknown>;
  return typeof id === "string" && typeof instance === "string" && Array.isArray(partitions) &&
    partitions.every((partition) => typeof partition === "string");
}
