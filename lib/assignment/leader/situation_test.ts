import assert from "node:assert/strict";
import { resolveConfig } from "../../config/config.ts";
import type { Member } from "../../membership/roster.ts";
import { type RebalanceReason, type Snapshot, weightTable } from "../snapshot.ts";
import { record } from "./leader_rig_test.ts";
import { Situation } from "./situation.ts";

const INTERVAL_MS = 10_000;

function member(n: number): Member {
  return { idNumber: n, record: record(n), revision: n + 1, seenAtMs: 0 };
}

function snapshot(generation: number, reason: RebalanceReason, atMs: number): Snapshot {
  return {
    ...{ epoch: 1, generation, reason, atMs },
    leader: { worker: "worker-0", instance: "i0" },
    workers: [{ id: "worker-0", instance: "i0", partitions: ["p"] }],
    weights: weightTable([["p", 1]]),
  };
}

/** When the next worker that joins gets something, if all of the windows are over at once. */
function nextMoveAtMs(situation: Situation, inForce: Snapshot, nowMs: number): number {
  const members = [member(0), member(1)];
  situation.take({ members, snapshot: inForce, nowMs });
  const decision = situation.decide({
    ...{ nowMs, members, snapshot: inForce, partitions: [{ id: "p", weight: 1 }] },
    ...{ refreshRequested: false, recoveringUntilMs: undefined, wasBack: () => true },
  });
  return decision.kind === "wait" ? decision.untilMs : nowMs;
}

Deno.test("situation: the cooldown counts from the try that was published, not from one of the same generation that had failed", () => {
  const config = resolveConfig({
    ...{ group: "g", coldStartWindow: 0, plannedScaleWindow: 0, settle: 0 },
    assignment: { minRebalanceInterval: INTERVAL_MS },
  });
  const situation = new Situation("i0", config, 0);
  const before = snapshot(0, "cold_start", 0);
  situation.take({ members: [member(0)], snapshot: before, nowMs: 0 });
  const [failed, published] = [
    snapshot(1, "partition_change", 100_000),
    snapshot(1, "planned_scale", 109_000),
  ];
  situation.tries(failed, [member(0)], 100_000);
  situation.tries(published, [member(0)], 109_000);
  // Read again, as where it is not known what became of a try.
  situation.published({ ...published }, 109_050);
  assert.equal(nextMoveAtMs(situation, published, 110_000), 109_050 + INTERVAL_MS);
});

Deno.test("situation: an earlier try that turns out to have been published counts from when it was made", () => {
  const config = resolveConfig({
    ...{ group: "g", coldStartWindow: 0, plannedScaleWindow: 0, settle: 0 },
    assignment: { minRebalanceInterval: INTERVAL_MS },
  });
  const situation = new Situation("i0", config, 0);
  situation.take({ members: [member(0)], snapshot: snapshot(0, "cold_start", 0), nowMs: 0 });
  const published = snapshot(1, "partition_change", 100_000);
  situation.tries(published, [member(0)], 100_000);
  situation.tries(snapshot(1, "planned_scale", 109_000), [member(0)], 109_000);
  situation.published({ ...published }, 109_050);
  assert.equal(nextMoveAtMs(situation, published, 109_100), 100_000 + INTERVAL_MS);
});
