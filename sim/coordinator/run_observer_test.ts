import assert from "node:assert/strict";
import { status, TestFleet } from "../run/fleet_rig_test.ts";
import { nowUs } from "../streams/message.ts";
import { RunObserver } from "./run_observer.ts";

function rig() {
  const fleet = new TestFleet();
  const said: string[] = [];
  const console = { log: (tag: string, text: string) => void said.push(`[${tag}] ${text}`) };
  const observer = new RunObserver({ console, fleet, tickMs: 500 });
  // Long ago, so that nothing has to be waited for.
  const atUs = nowUs() - 10_000_000;
  const assigned = (process: string, owned: number[], generation = 1) => {
    const report = { kind: "status", status: status({ owned, generation }), atUs } as const;
    observer.takeReport(process, report);
  };
  const acquired = (process: string, partitions: number[]) => {
    const report = { kind: "lanes", change: "acquired", partitions, atUs: atUs + 40_000 } as const;
    observer.takeReport(process, report);
  };
  return { fleet, said, observer, assigned, acquired };
}

Deno.test("moving partitions are said once and not one by one, in the seeds' words", () => {
  const { said, observer, assigned, acquired } = rig();
  assigned("worker-0#1", [0, 1, 2]);
  assigned("worker-1#1", [3]);
  observer.tick("load");
  assert.equal(observer.moving, 4);
  acquired("worker-0#1", [0, 1, 2]);
  acquired("worker-1#1", [3]);
  observer.tick("load");
  observer.tick("load");
  assert.deepEqual(said, [
    "[INFO] Rebalancing detected: 4 partitions moving",
    "[INFO] Rebalancing complete: 0 -> 2 workers, 4 partitions moved in 40ms",
  ]);
  const { rebalancing, moved } = observer.observations;
  assert.deepEqual([rebalancing.distribution.count, moved], [1, 4]);
});

Deno.test("in the end, when all leave, nothing is a rebalancing any more", () => {
  const { said, observer, assigned, acquired } = rig();
  assigned("worker-0#1", [0]);
  acquired("worker-0#1", [0]);
  observer.ending();
  assert.equal(said.length, 2, "what was under way is told");
  assigned("worker-1#1", [0], 2);
  observer.tick("stop");
  assert.equal(observer.moving, 0);
  assert.equal(said.length, 2);
});

Deno.test("each worker's partitions are looked at with each tick, and phases are kept", () => {
  const { fleet, observer } = rig();
  fleet.add("worker", 0, { status: status({ owned: [0, 1] }) });
  fleet.add("worker", 1, { status: status({ owned: [2] }) });
  fleet.add("worker", 2);
  observer.tick("warm-up");
  observer.tick("load");
  assert.deepEqual([...observer.phases], ["warm-up", "load"]);
  const { count, sum } = observer.observations.partitionsPerWorker.distribution;
  assert.deepEqual([count, sum], [4, 6]);
});
