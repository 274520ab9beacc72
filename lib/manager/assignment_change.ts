/**
 * The difference between two assignments of one worker.
 *
 * @module
 */
import { type Partition, partitionId } from "../assignment/partition.ts";
import type { Assignment, AssignmentChange } from "./hooks.ts";

/**
 * What changes for a worker from one assignment to the next: sets are compared, never counts.
 *
 * @param before what it was told last; undefined before the first
 * @param after what is in force now
 * @returns the change
 */
export function changeBetween(
  before: Assignment | undefined,
  after: Assignment,
): AssignmentChange {
  const former = new Map(
    (before?.partitions ?? []).map((partition) => [partitionId(partition), partition]),
  );
  const present = new Set<string>();
  const added: Partition[] = [];
  for (const partition of after.partitions) {
    const id = partitionId(partition);
    present.add(id);
    if (!former.has(id)) added.push(partition);
  }
  const removed: Partition[] = [];
  for (const [id, partition] of former) {
    if (!present.has(id)) removed.push(partition);
  }
  return { added, removed, all: after.partitions, assignment: after };
}
