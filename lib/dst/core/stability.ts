/**
 * Whether the group is whole: everybody Stable under one leader, everything owned by exactly one, the feed empty.
 *
 * @module
 */
import { partitionId } from "../../assignment/partition.ts";
import type { CoreCluster } from "./cluster.ts";
import { lanesAstray, leftOfOthers } from "./leftovers.ts";
import type { Member } from "./member.ts";

/** Why a group is not whole. */
export interface Problem {
  /** What is wrong, for people. */
  readonly text: string;
  /** Everything but the feed is whole: everybody works, and still messages wait. */
  readonly isOfFeed: boolean;
}

/**
 * Looks for a reason why the group is not whole. The feed is looked at last, when all else is whole.
 *
 * @param cluster the group
 * @param ids how many stable IDs there are: whoever has none waits for one
 * @returns the reason; undefined if it is whole
 */
export function instability(cluster: CoreCluster, ids: number): Problem | undefined {
  const ofGroup = groupProblem(cluster, ids);
  const text = ofGroup ?? feedProblem(cluster);
  return text === undefined ? undefined : { text, isOfFeed: ofGroup === undefined };
}

function groupProblem(cluster: CoreCluster, ids: number): string | undefined {
  const { fleet, observer } = cluster;
  const { wanted } = fleet;
  const stable = wanted.filter(({ manager }) => manager.state === "Stable");
  const others = wanted.filter((member) => !stable.includes(member));
  const strayed = others.find((member) => !isWaitingForId(member)) ?? others[0];
  if (strayed !== undefined && (stable.length < ids || !isWaitingForId(strayed))) {
    return `${strayed.owner.name} is ${strayed.manager.state}`;
  }
  const leaders = stable.filter(({ manager }) => manager.isLeader);
  if (leaders.length !== 1) return `${leaders.length} lead`;
  if (observer.latest === undefined) return "nothing was assigned";
  const owned = stable.flatMap(({ manager }) =>
    manager.assignment?.partitions.map(partitionId) ?? []
  );
  const all = cluster.unitNames;
  if (owned.length !== all.length || new Set(owned).size !== all.length) {
    return `${owned.length} of ${all.length} partitions are owned`;
  }
  for (const { manager, owner } of stable) {
    if (manager.consumerHealth?.healthy === false) return `${owner.name} is not healthy`;
  }
  const misled = stable.find((member) => member.isToldToLead !== member.manager.isLeader);
  if (misled !== undefined) return `${misled.owner.name} was not told that it leads no longer`;
  const owners = new Map(
    stable.flatMap(({ manager }) =>
      manager.assignment?.partitions.map((one) => [partitionId(one), manager.instance] as const) ??
        []
    ),
  );
  const astray = lanesAstray(cluster.server, owners);
  if (astray.length > 0) return `lanes read what is not their owner's: ${astray.join(", ")}`;
  const strays = leftOfOthers(
    cluster.server,
    (instance) => fleet.ofInstance(instance) !== undefined,
  );
  return strays.length === 0 ? undefined : `there are left of others: ${strays.join(", ")}`;
}

function feedProblem(
  { observer, unacknowledged, partitionNames }: CoreCluster,
): string | undefined {
  const waiting = observer.messages.waiting(partitionNames);
  if (waiting > 0) return `${waiting} messages wait for their effect`;
  // What was published to a partition that is no more stays in the feed.
  return unacknowledged > 0 ? `${unacknowledged} messages are not acknowledged` : undefined;
}

/** Where there are more workers than stable IDs some wait, give up and are started again. */
function isWaitingForId({ manager: { state } }: Member): boolean {
  return state === "Init" || state === "ClaimingID" || state === "Shutdown";
}
