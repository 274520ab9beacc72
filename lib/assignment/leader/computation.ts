/**
 * From a strategy's answer to the next snapshot.
 *
 * @module
 */
import { describeError, invariant, isPartiError, PartiError } from "../../errors.ts";
import type { WorkerRecord } from "../../membership/worker_lease.ts";
import type {
  AssignmentStrategy,
  PartitionId,
  StrategyInput,
  StrategyPartition,
} from "../partition.ts";
import {
  partitionsOf,
  type RebalanceReason,
  type Snapshot,
  type SnapshotWorker,
  weightTable,
} from "../snapshot.ts";
import { compareText } from "../strategies/order.ts";
import { validateAssignment } from "../validate.ts";

/** What the next snapshot is computed from. */
export interface ComputationInput {
  /** The snapshot in force. */
  readonly before: Snapshot;
  /** The number of the next. */
  readonly generation: number;
  /** Everybody alive, leavers included, by ID number; no ID twice. */
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

/** A computed snapshot. */
export interface Computation {
  /** The next snapshot. */
  readonly snapshot: Snapshot;
  /** How many partitions get an owner they did not have before. */
  readonly movedCount: number;
}

/**
 * Computes the next snapshot.
 *
 * Leavers stay listed, with nothing: as long as an instance is listed, the lanes it is still draining are respected by everybody.
 *
 * @param input what it is computed from
 * @returns the snapshot, and how many partitions change hands
 * @throws {PartiError} `PARTI_INVALID_ASSIGNMENT` if the strategy fails or its answer is not an assignment
 */
export function computeSnapshot(input: ComputationInput): Computation {
  const { before, members, partitions } = input;
  const previous = new Map<PartitionId, string>();
  for (const worker of before.workers) {
    for (const id of worker.partitions) previous.set(id, worker.id);
  }
  const owners = askStrategy(input, previous);

  const parts = new Map<string, string[]>(members.map((member) => [member.worker, []]));
  invariant(parts.size === members.length, "two members with one worker ID");
  let movedCount = 0;
  for (const { id } of partitions) {
    const owner = owners.get(id)!;
    parts.get(owner)!.push(id);
    if (previous.get(id) !== owner) movedCount++;
  }
  const workers: SnapshotWorker[] = members.map((member) => ({
    id: member.worker,
    instance: member.instance,
    partitions: parts.get(member.worker)!,
  }));
  const snapshot: Snapshot = {
    epoch: before.epoch,
    generation: input.generation,
    leader: input.leader,
    reason: input.reason,
    atMs: input.nowMs,
    workers,
    weights: weightTable(partitions.map(({ id, weight }) => [id, weight] as const)),
  };
  return { snapshot, movedCount };
}

/** These are about the partitions that there are to be: without them there is nothing to be done. */
const ABOUT_PARTITIONS: readonly RebalanceReason[] = ["partition_change", "refresh"];

/**
 * As {@linkcode computeSnapshot}. Where the strategy fails it may be for what is new in the list: if it is somebody's death that it was asked for,
 * or somebody who comes or leaves, it is asked once more, for the partitions that are assigned. They are not to wait until it can place the
 * new ones.
 *
 * @param input what it is computed from
 * @param onFailure told why the strategy failed, if it could do the other thing
 * @returns the snapshot, and how many partitions change hands
 * @throws {PartiError} as {@linkcode computeSnapshot}
 */
export function computeNext(
  input: ComputationInput,
  onFailure: (error: unknown) => void,
): Computation {
  try {
    return computeSnapshot(input);
  } catch (error) {
    const { before, partitions, reason } = input;
    const known = partitionsOf(before).sort((a, b) => compareText(a.id, b.id));
    const isForNews = ABOUT_PARTITIONS.includes(reason) || known.length === 0;
    if (isForNews || !differsFromSource(before, partitions)) throw error;
    const computation = computeSnapshot({ ...input, partitions: known });
    onFailure(error);
    return computation;
  }
}

function askStrategy(
  input: ComputationInput,
  previous: ReadonlyMap<PartitionId, string>,
): ReadonlyMap<PartitionId, string> {
  const { partitions } = input;
  const workers = () =>
    input.members.filter((member) => !member.leaving).map((member) => ({
      id: member.worker,
      capacity: member.capacity,
      labels: { ...member.labels },
    }));
  // The strategy may be the user's: what it does to what it is given must not be done to ours.
  const question: StrategyInput = {
    workers: workers(),
    partitions: partitions.map(({ id, weight }) => ({ id, weight })),
    previous: new Map(previous),
  };
  let answer: ReadonlyMap<PartitionId, string>;
  try {
    answer = input.strategy(question);
  } catch (error) {
    if (isPartiError(error)) throw error;
    throw new PartiError(
      "PARTI_INVALID_ASSIGNMENT",
      `the strategy failed: ${describeError(error)}`,
      {
        cause: error,
        hint: "the group goes on with the assignment it has",
      },
    );
  }
  // Out of plain JavaScript it may be one, and what it rejects with must not end the process, and after it that of the next leader.
  if (answer instanceof Promise) {
    answer.catch(() => {});
    throw new PartiError("PARTI_INVALID_ASSIGNMENT", "the strategy answered with a promise", {
      hint: "a strategy answers at once: have what it needs ready before, or in the source",
    });
  }
  validateAssignment({ workers: workers(), partitions, previous }, answer);
  return answer;
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
  const assigned = new Map<PartitionId, number>();
  for (const worker of snapshot.workers) {
    for (const id of worker.partitions) assigned.set(id, snapshot.weights[id] ?? 1);
  }
  if (assigned.size !== partitions.length) return true;
  return partitions.some(({ id, weight }) => assigned.get(id) !== weight);
}

/**
 * How uneven the loads are.
 *
 * @param snapshot who owns what
 * @param members everybody alive; leavers count for nothing
 * @returns by which share the load of the most loaded worker, for its capacity, is above the mean; 0 if nobody has anything
 */
export function imbalanceOf(snapshot: Snapshot, members: readonly WorkerRecord[]): number {
  const loads = new Map(snapshot.workers.map(({ instance, partitions }) => [
    instance,
    partitions.reduce((sum, id) => sum + (snapshot.weights[id] ?? 1), 0),
  ]));
  const staying = members.filter((member) => !member.leaving);
  let load = 0, capacity = 0, highest = 0;
  for (const member of staying) {
    const own = loads.get(member.instance) ?? 0;
    load += own;
    capacity += member.capacity;
    highest = Math.max(highest, own / member.capacity);
  }
  return load === 0 ? 0 : highest / (load / capacity) - 1;
}
