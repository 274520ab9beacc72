/**
 * For tests: an observer of a group in which all is well, to be told of things that did not happen.
 *
 * @module
 */
import type { RebalanceReason, Snapshot } from "../../assignment/snapshot.ts";
import { Assertions } from "../assertions/assertions.ts";
import type { CadenceRules } from "./cadence.ts";
import { type CoreCatalog, coreCatalog } from "./catalog.ts";
import type { LaneFacts } from "./lock_watch.ts";
import { Observer, type Right, type WorkerView } from "./observer.ts";

/** What the group goes by. */
export const RULES: CadenceRules = {
  coldStartWindowMs: 30_000,
  plannedScaleWindowMs: 10_000,
  settleMs: 500,
  minRebalanceIntervalMs: 5_000,
  emergencyGracePeriodMs: 0,
  recoveryGracePeriodMs: 1_000,
  heartbeatTtlMs: 6_000,
  electionTimeoutMs: 5_000,
  silentTtlMs: 0,
  slackMs: 500,
};
/** The partitions there are. */
export const LIST = ["p0", "p1"];
/** An assignment that names a newcomer. */
export const WITH_C = { A: ["p0"], B: ["p1"], C: [] };

/** An observer of a group in which all is well, and what it finds wrong. */
export class Rig {
  readonly broken: string[] = [];
  readonly observer: Observer;

  constructor(rules = RULES) {
    const onBroken = (name: string) => void this.broken.push(name);
    this.observer = new Observer(new Assertions<CoreCatalog>(coreCatalog, onBroken), rules);
    this.observer.sourceSays(LIST, 0);
  }

  lease(worker: string, instance: string, nowMs: number, more: Partial<Lease> = {}): void {
    const { leaving = false, isFit = true, holders = [], applied = 0, following } = more;
    const scene = { nowMs, isFit, holders, following };
    this.observer.leased({ worker, instance, leaving, applied }, scene);
  }

  publish(nowMs: number, more: Partial<Publication> = {}): void {
    const { epoch = 1, generation = 1, leader = "A", reason = "cold_start" } = more;
    const parts = more.parts ?? { A: ["p0"], B: ["p1"] };
    const workers = Object.entries(parts).map(([instance, partitions]) => ({
      id: `worker-${instance}`,
      instance,
      partitions,
    }));
    const snapshot: Snapshot = {
      epoch,
      generation,
      leader: { worker: `worker-${leader}`, instance: leader },
      reason,
      atMs: 0,
      workers,
      weights: {},
    };
    this.observer.assignments.published(snapshot, nowMs);
  }

  begin(
    instance: string,
    sequence: number,
    more: Partial<Right> = {},
    view: Partial<WorkerView & { isLocked: boolean }> = {},
  ): (isWell?: boolean) => void {
    const right: Right = {
      partitionId: "p0",
      worker: `worker-${instance}`,
      instance,
      epoch: 1,
      generation: 1,
      signal: new AbortController().signal,
      ...more,
    };
    const { messages } = this.observer;
    const { partitionId } = right;
    // Of two handlers at once, or one without a right, other promises tell than that of the lock.
    if (view.isLocked !== false) messages.locks.changed(undefined, lane(instance, partitionId));
    const end = messages.begin(right, sequence, {
      isConnected: true,
      connectedAtMs: -1,
      isCutUnheard: false,
      following: undefined,
      ...view,
    });
    return (isWell = false) => end(isWell);
  }

  effect(input: number, epoch = 1, generation = 1): void {
    this.observer.messages.effect({ partition: "p0", input, epoch, generation });
  }
}

/** What a lease says besides. */
export interface Lease {
  leaving: boolean;
  isFit: boolean;
  holders: string[];
  applied: number;
  following: number | undefined;
}

/** What an assignment says besides. */
export interface Publication {
  epoch: number;
  generation: number;
  leader: string;
  reason: RebalanceReason;
  parts: Record<string, string[]>;
}

/** Two workers, one assignment, two messages, one of them handled. */
export function wellRig(rules = RULES): Rig {
  const rig = new Rig(rules);
  rig.lease("worker-A", "A", 0);
  rig.lease("worker-B", "B", 0);
  rig.publish(1_000, { generation: 0, parts: {} });
  rig.publish(2_000);
  for (const sequence of [1, 2]) rig.observer.messages.stored("p0", sequence);
  rig.begin("A", 1)();
  rig.effect(1);
  return rig;
}

/** A lane that reads partitions. */
export function lane(instance: string, ...partitions: string[]): LaneFacts {
  return { instance, units: partitions };
}
