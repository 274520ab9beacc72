/**
 * Whether the group is whole: everybody Stable under one leader, everything owned by exactly one, the feed empty.
 *
 * @module
 */
import { partitionId } from "../../assignment/partition.ts";
import type { CoreCluster } from "./cluster.ts";

/**
 * Looks for a reason why the group is not whole.
 *
 * @param cluster the group
 * @returns the reason; undefined if it is whole
 */
export function instability(cluster: CoreCluster): string | undefined {
  const { wanted, observer } = cluster;
  for (const { manager, owner } of wanted) {
    if (manager.state !== "Stable") return `${owner.name} is ${manager.state}`;
  }
  const leaders = wanted.filter(({ manager }) => manager.isLeader);
  if (leaders.length !== 1) return `${leaders.length} lead`;
  const { latest } = observer;
  if (latest === undefined) return "nothing was assigned";
  const owned = wanted.flatMap(({ manager }) =>
    manager.assignment?.partitions.map(partitionId) ?? []
  );
  const all = cluster.partitionNames;
  if (owned.length !== all.length || new Set(owned).size !== all.length) {
    return `${owned.length} of ${all.length} partitions are owned`;
  }
  for (const { manager, owner } of wanted) {
    if (manager.consumerHealth?.healthy === false) return `${owner.name} is not healthy`;
  }
  const waiting = observer.waiting(all);
  if (waiting > 0) return `${waiting} messages wait for their effect`;
  // What was published to a partition that is no more stays in the feed.
  const left = cluster.unacknowledged;
  return left === 0 ? undefined : `${left} messages are not acknowledged`;
}
