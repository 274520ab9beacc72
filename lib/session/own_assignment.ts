/**
 * What the group's assignment means for one worker: its own part, frozen, and what its consumer is told to hold. Pure functions.
 *
 * @module
 */
import type { Partition, PartitionId } from "../assignment/partition.ts";
import { instancesOf, type Snapshot, type SnapshotWorker } from "../assignment/snapshot.ts";
import type { DesiredPartitions } from "../consumption/dispatch/desired.ts";
import type { Assignment } from "../manager/hooks.ts";

/**
 * A worker's own part of the group's assignment.
 *
 * @param snapshot the group's assignment
 * @param mine the worker's part of it; undefined if it is not listed and thus has nothing
 * @returns the part with its weights, frozen
 */
export function assignmentOf(snapshot: Snapshot, mine: SnapshotWorker | undefined): Assignment {
  const partitions = (mine?.partitions ?? []).map((id): Partition => ({
    keys: id.split("."),
    weight: snapshot.weights[id] ?? 1,
  }));
  return freezeAssignment({
    epoch: snapshot.epoch,
    generation: snapshot.generation,
    partitions,
  });
}

/**
 * Freezes an assignment all through. It goes to hooks, events and getters: nobody may change it for the others.
 *
 * @param assignment the assignment
 * @returns the same
 */
export function freezeAssignment(assignment: Assignment): Assignment {
  for (const partition of assignment.partitions) {
    Object.freeze(partition.keys);
    Object.freeze(partition);
  }
  Object.freeze(assignment.partitions);
  return Object.freeze(assignment);
}

/**
 * What is left of an assignment when its worker has gone.
 *
 * @param assignment what it was given last
 * @returns nothing, under the same right; frozen
 */
export function emptied(assignment: Assignment): Assignment {
  return freezeAssignment({ ...assignment, partitions: [] });
}

/**
 * Whether two assignments name the same partitions.
 *
 * @param a one, sorted by identity
 * @param b the other, sorted by identity
 * @returns true if they do, whatever their weights and generations
 */
export function sameIds(a: Assignment, b: Assignment): boolean {
  const ids = (assignment: Assignment) =>
    assignment.partitions.map((partition) => partition.keys.join(".")).join(" ");
  return ids(a) === ids(b);
}

/**
 * What a worker's consumer is told to hold: the assignment, who else is in the group, from whom each partition comes and to whom
 * it goes. It is kept until the next one, so it holds what has moved and not the whole assignment.
 *
 * @param assignment the worker's own part of `snapshot`
 * @param instance the worker's instance
 * @param snapshot the group's assignment
 * @param before the group's assignment before it; undefined if this worker has seen none
 * @param leaving the partitions that are not this worker's any more and may not have been let go yet
 * @returns what the consumer is told
 */
export function desiredOf(
  assignment: Assignment,
  instance: string,
  snapshot: Snapshot,
  before: Snapshot | undefined,
  leaving: ReadonlySet<PartitionId>,
): DesiredPartitions {
  const known = instancesOf(snapshot);
  const own = new Set(assignment.partitions.map(({ keys }) => keys.join(".")));
  const contenders = ownersAmong(own, before?.workers ?? [], (owner) => {
    return owner !== instance && known.has(owner);
  });
  const successors = ownersAmong(leaving, snapshot.workers, () => true);
  return {
    ...assignment,
    isKnown: (other) => known.has(other),
    contenderOf: (id) => contenders.get(id),
    successorOf: (id) => successors.get(id),
  };
}

const NOBODY: ReadonlyMap<PartitionId, string> = new Map();

/** Which instance owns each of some partitions. */
function ownersAmong(
  ids: ReadonlySet<PartitionId>,
  workers: readonly SnapshotWorker[],
  counts: (instance: string) => boolean,
): ReadonlyMap<PartitionId, string> {
  if (ids.size === 0) return NOBODY;
  const owners = new Map<PartitionId, string>();
  for (const { instance, partitions } of workers) {
    if (!counts(instance)) continue;
    for (const id of partitions) if (ids.has(id)) owners.set(id, instance);
  }
  return owners.size === 0 ? NOBODY : owners;
}
