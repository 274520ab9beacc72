import assert from "node:assert/strict";
import { TestProcess } from "../host/process_rig_test.ts";
import { crash } from "../chaos/worker_acts.ts";
import type { PlannedChaos } from "../chaos/chaos_plan.ts";
import { sceneRig } from "../chaos/scene_rig_test.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";

Deno.test("fleet: planted: the number of a worker that is away and comes back is not given to another one", async () => {
  const fleet = new Fleet({
    spec: {} as FleetOptions["spec"],
    hostOf: () => ({ spawn: () => new TestProcess(1) }),
    ...{ maxWorkers: 3, leaveTimeoutMs: 1_000 },
    onUnexpectedExit: () => {},
  });
  const [first] = [fleet.spawn("worker", 0), fleet.spawn("worker", 1)];
  const { scene } = sceneRig([4], { fleet, minWorkers: 1 });
  const event: PlannedChaos = {
    ...{ number: 1, atMs: 0, type: "worker_crash", picks: [0], count: 1, downMs: 60_000 },
  };
  await crash(scene, event, first);
  await first!.exited;
  assert.equal(first!.phase, "gone");
  assert.equal(fleet.freeWorkerIndex(), 2, "worker-0 is to come back");
  await scene.settle();
  assert.deepEqual(fleet.running("worker").map(({ process }) => process), [
    "worker-1#1",
    "worker-0#2",
  ]);
  await fleet.leave(fleet.running("worker")[1]!);
  assert.equal(fleet.freeWorkerIndex(), 0, "nobody comes back after that");
});

Deno.test("fleet: planted: whoever does not leave in time is killed, and nobody is before", async () => {
  const stubborn = new TestProcess(1);
  stubborn.terminate = () => {};
  const fleet = new Fleet({
    spec: {} as FleetOptions["spec"],
    hostOf: () => ({ spawn: () => stubborn }),
    ...{ maxWorkers: 1, leaveTimeoutMs: 200, onUnexpectedExit: () => {} },
  });
  const fromMs = performance.now();
  assert.equal(await fleet.leave(fleet.spawn("worker", 0)), false);
  assert.deepEqual(stubborn.seen, ["kill"]);
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs >= 190 && tookMs < 15_000, `${tookMs} ms`);
});
