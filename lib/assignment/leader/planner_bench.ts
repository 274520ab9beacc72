/** What a look of the leader costs: `deno bench lib/assignment/leader/planner_bench.ts`. */
import type { WorkerRecord } from "../../membership/worker_lease.ts";
import { partitions } from "../strategies/strategy_testing.ts";
import { stickyBalanced } from "../strategies/sticky_balanced.ts";
import type { Snapshot } from "../snapshot.ts";
import { computeSnapshot, differsFromSource, imbalanceOf } from "./computation.ts";
import { plan, type PlannerConfig, type PlannerInput } from "./planner.ts";

const CONFIG: PlannerConfig = {
  coldStartWindowMs: 30_000,
  plannedScaleWindowMs: 10_000,
  settleMs: 500,
  minRebalanceIntervalMs: 10_000,
  emergencyGracePeriodMs: 0,
  restartDetectionRatio: 0.5,
};

function records(count: number): WorkerRecord[] {
  return Array.from({ length: count }, (_, n) => ({
    worker: `worker-${n}`,
    instance: `instance-${n}`,
    host: "host",
    capacity: 1,
    labels: {},
    leaving: false,
    applied: 1,
  }));
}

function inputOf(members: readonly WorkerRecord[], snapshot: Snapshot): PlannerInput {
  return {
    nowMs: 100_000,
    leaderInstance: "instance-0",
    members: members.map(({ worker, instance, leaving }) => ({
      id: worker,
      instance,
      leaving,
      heard: true,
    })),
    assigned: snapshot.workers.map(({ id, instance, partitions }) => ({
      id,
      instance,
      partitionCount: partitions.length,
      goneSinceMs: undefined,
      wasBack: false,
    })),
    partitionsChanged: false,
    refreshRequested: false,
    imbalanced: false,
    firstOfTerm: false,
    recoveringUntilMs: undefined,
    rosterChangedAtMs: 0,
    differenceSinceMs: undefined,
    lastPlannedAtMs: undefined,
  };
}

const LEADER = { worker: "worker-0", instance: "instance-0" };
const EMPTY: Snapshot = {
  epoch: 1,
  generation: 0,
  leader: LEADER,
  reason: "cold_start",
  atMs: 0,
  workers: [],
  weights: {},
};

for (const [w, p] of [[100, 1_500], [100, 10_000], [1_000, 100_000]] as const) {
  const group = `${w}×${p}`;
  const members = records(w), fewer = members.slice(0, -1);
  const parts = partitions(p);
  const next = (before: Snapshot, of: readonly WorkerRecord[]) =>
    computeSnapshot({
      before,
      generation: before.generation + 1,
      members: of,
      partitions: parts,
      strategy: stickyBalanced(),
      leader: LEADER,
      reason: "emergency",
      nowMs: 0,
    }).snapshot;
  const snapshot = next(EMPTY, members);
  const calm = inputOf(members, snapshot), emergency = inputOf(fewer, snapshot);
  Deno.bench("plan, nothing to do", { group, baseline: true }, () => void plan(calm, CONFIG));
  Deno.bench("plan, somebody died", { group }, () => void plan(emergency, CONFIG));
  Deno.bench("imbalance", { group }, () => void imbalanceOf(snapshot, members));
  Deno.bench("does the source differ", { group }, () => void differsFromSource(snapshot, parts));
  Deno.bench("the next snapshot, somebody died", { group, n: 15, warmup: 5 }, () => {
    next(snapshot, fewer);
  });
}
