/**
 * From a strategy's answer to the next snapshot.
 *
 * @module
 */
import type { WorkerRecord } from "../membership/worker_lease.ts";
import type { AssignmentStrategy, StrategyInput, StrategyPartition } from "./partition.ts";
import { ownersOf, type RebalanceReason, type Snapshot, type SnapshotWorker } from "./snapshot.ts";
import { validateAssignment } from "./validate.ts";

/** What the next snapshot is computed from. */
export interface ComputationInput {
  /** The snapshot in force. */
  readonly before: Snapshot;
  /** Everybody alive, leavers included, by ID number. */
  readonly members: readonly WorkerRecord[];
  /** The partitions, sorted. */
  readonly partitions: readonly StrategyPartition[];
  /** Who gets what. */
  readonly strategy: AssignmentStrategy;
  /** Who computes. */
  readonly leader: Snapshot["leader"];
  /** Why. */
  readonly reason: RebalanceReason;
  /** The wall clock, in milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Computes the next snapshot.
 *
 * Leavers stay listed, with nothing: as long as an instance is listed, the lanes it is still draining are respected by everybody.
 *
 * @param input what it is computed from
 * @returns the snapshot, and how many partitions change hands
 * @throws {PartiError} `PARTI_INVALID_ASSIGNMENT` if the strategy's answer is not an assignment
 */
export function computeSnapshot(
  input: ComputationInput,
): { snapshot: Snapshot; movedCount: number } {
  const { before, members, partitions, strategy } = input;
  const previous = new Map<string, string>();
  for (const [id, owner] of ownersOf(before)) previous.set(id, owner.id);
  const strategyInput: StrategyInput = {
    workers: members.filter((member) => !member.leaving).map((member) => ({
      id: member.worker,
      capacity: member.capacity,
      labels: member.labels,
    })),
    partitions,
    previous,
  };
  const owners = strategy(strategyInput);
  validateAssignment(strategyInput, owners);

  const parts = new Map<string, string[]>(members.map((member) => [member.worker, []]));
  const weights: Record<string, number> = {};
  let movedCount = 0;
  for (const { id, weight } of partitions) {
    const owner = owners.get(id)!;
    parts.get(owner)!.push(id);
    if (weight !== 1) weights[id] = weight;
    if (previous.get(id) !== owner) movedCount++;
  }
  const workers: SnapshotWorker[] = members.map((member) => ({
    id: member.worker,
    instance: member.instance,
    partitions: parts.get(member.worker)!,
  }));
  const snapshot: Snapshot = {
    epoch: before.epoch,
    generation: before.generation + 1,
    leader: input.leader,
    reason: input.reason,
    atMs: input.nowMs,
    workers,
    weights,
  };
  return { snapshot, movedCount };
}

/**
 * Whether the source's partitions are others than those of a snapshot, by name or weight.
 *
 * @param snapshot the snapshot
 * @param partitions the source's, unique
 * @returns true if they differ
 */
export function differsFromSource(
  snapshot: Snapshot,
  partitions: readonly StrategyPartition[],
): boolean {
  const assigned = new Set<string>();
  for (const worker of snapshot.workers) {
    for (const id of worker.partitions) assigned.add(id);
  }
  if (assigned.size !== partitions.length) return true;
  return partitions.some(({ id, weight }) =>
    !assigned.has(id) || (snapshot.weights[id] ?? 1) !== weight
  );
}
