/**
 * Whether a group is in order, as its workers tell it.
 *
 * @module
 */
import type { Member } from "./fleet.ts";

/**
 * Why a group is not in order yet.
 *
 * @param workers those that run
 * @param partitions what they have to share
 * @param sinceUs what was said before is not believed any more, in microseconds since 1970
 * @returns undefined if all are Stable and every partition has exactly one owner
 */
export function disorderOf(
  workers: readonly Pick<Member, "name" | "status" | "statusUs">[],
  partitions: readonly number[],
  sinceUs: number,
): string | undefined {
  if (workers.length === 0) return "no worker runs";
  const states = workers.flatMap((member) => {
    const { name, status, statusUs } = member;
    const silent = status === undefined || statusUs === undefined || statusUs < sinceUs;
    if (isStable(member) && !silent) return [];
    return [`${name} is ${silent ? "silent" : status.state}`];
  });
  if (states.length > 0) return states.join(", ");
  const owners = new Map<number, number>();
  for (const { status } of workers) {
    for (const partition of status!.owned) {
      owners.set(partition, (owners.get(partition) ?? 0) + 1);
    }
  }
  const orphans = partitions.filter((partition) => !owners.has(partition)).length;
  const shared = owners.values().filter((count) => count > 1).toArray().length;
  if (orphans === 0 && shared === 0) return undefined;
  return `${orphans} partitions without an owner, ${shared} with more than one`;
}

/**
 * Whether a worker says that it is Stable.
 *
 * @param worker the worker
 */
export function isStable({ status }: Pick<Member, "status">): boolean {
  return status?.state === "Stable";
}

/**
 * How long the group took to come up.
 *
 * @param workers those that run
 * @returns from the first one's readiness until all were Stable at once, in milliseconds; null while they are not
 */
export function startupMsOf(
  workers: readonly Pick<Member, "readyUs" | "stableUs">[],
): number | null {
  const ready = workers.map(({ readyUs }) => readyUs);
  const stable = workers.map(({ stableUs }) => stableUs);
  if (ready.includes(undefined) || stable.includes(undefined)) return null;
  return Math.round((Math.max(...stable as number[]) - Math.min(...ready as number[])) / 1_000);
}
