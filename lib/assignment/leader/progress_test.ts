import assert from "node:assert/strict";
import { member } from "./leader_rig_test.ts";
import { Progress } from "./progress.ts";
import { type Snapshot, weightTable } from "../snapshot.ts";

const SNAPSHOT: Snapshot = {
  epoch: 1,
  generation: 4,
  leader: { worker: "worker-0", instance: "i0" },
  reason: "refresh",
  atMs: 0,
  workers: [0, 1].map((n) => ({ id: `worker-${n}`, instance: `i${n}`, partitions: [] })),
  weights: weightTable([]),
};

Deno.test("progress: busy until everybody listed has applied, with patience", () => {
  const phases: string[] = [];
  const progress = new Progress((phase) => phases.push(phase));
  const idle = { kind: "idle" } as const;
  progress.begin(false);
  progress.published(1_000);
  const waiting = [member(0, { applied: 4 }), member(1, { applied: 3 }), member(2)];
  assert.equal(progress.follow(idle, SNAPSHOT, waiting, 2_000), 11_000);
  assert.deepEqual(phases, ["rebalancing"]);
  assert.equal(progress.isOverdue, false);
  assert.equal(progress.follow(idle, SNAPSHOT, waiting, 11_000), undefined);
  assert.equal(progress.isOverdue, true);
  progress.renewed();
  assert.equal(progress.follow(idle, SNAPSHOT, waiting, 12_000), undefined);
  assert.equal(progress.isOverdue, false, "once for each publication");
  assert.deepEqual(phases, ["rebalancing", "idle"]);
  progress.begin(true);
  progress.published(12_000);
  const done = [member(0, { applied: 4 }), member(1, { applied: 5 }), member(2)];
  assert.equal(progress.follow(idle, SNAPSHOT, done, 12_000), undefined);
  assert.equal(progress.isOverdue, false);
  assert.deepEqual(phases, ["rebalancing", "idle", "emergency", "idle"]);
});

Deno.test("progress: a window shows as scaling, a grace as emergency, imbalance not at all", () => {
  const phases: string[] = [];
  const progress = new Progress((phase) => phases.push(phase));
  const wait = (reason: "imbalance" | "planned_scale" | "emergency") =>
    progress.follow({ kind: "wait", reason, untilMs: 500 }, SNAPSHOT, [], 0);
  assert.equal(wait("imbalance"), 500);
  assert.equal(wait("planned_scale"), 500);
  assert.equal(wait("emergency"), 500);
  assert.deepEqual(phases, ["scaling", "emergency"]);
});
