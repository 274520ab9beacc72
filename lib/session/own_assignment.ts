/**
 * What the group's assignment means for one worker: its own part, frozen, and what its consumer is told to hold. Pure functions.
 *
 * @module
 */
import type { Partition, PartitionId } from "../assignment/partition.ts";
import { ownersOf, type Snapshot, type SnapshotWorker } from "../assignment/snapshot.ts";
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
 * it goes.
 *
 * @param assignment the worker's own part of `snapshot`
 * @param instance the worker's instance
 * @param snapshot the group's assignment
 * @param before the group's assignment before it; undefined if this worker has seen none
 * @returns what the consumer is told
 */
export function desiredOf(
  assignment: Assignment,
  instance: string,
  snapshot: Snapshot,
  before: Snapshot | undefined,
): DesiredPartitions {
  const known = new Set(snapshot.workers.map((worker) => worker.instance));
  const owners = before === undefined ? () => undefined : instancesOf(before);
  const successorOf = instancesOf(snapshot);
  return {
    ...assignment,
    isKnown: (other) => known.has(other),
    contenderOf: (id) => {
      const owner = owners(id);
      return owner !== undefined && owner !== instance && known.has(owner) ? owner : undefined;
    },
    successorOf,
  };
}

/** Who owns what, looked up only when it is asked for first: most workers keep what they have, and the table is as large as the group. */
function instancesOf(snapshot: Snapshot): (id: PartitionId) => string | undefined {
  let owners: ReadonlyMap<PartitionId, SnapshotWorker> | undefined;
  return (id) => (owners ??= ownersOf(snapshot)).get(id)?.instance;
}
