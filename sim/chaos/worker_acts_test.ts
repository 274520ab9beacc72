import assert from "node:assert/strict";
import { SimConsole } from "../live/status_line.ts";
import type { Fleet } from "../run/fleet.ts";
import { RUN_ID, status, TestFleet } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { Scene } from "./scene.ts";
import { pause } from "./worker_acts.ts";

const DOWN_MS = 150;

/** Stops a process that owns 4, 7 and 9 for a moment; the lease is over after so many milliseconds. */
async function paused(leaseMs: number, whileStopped: (state: RunState, scene: Scene) => void) {
  await using child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const test = new TestFleet();
  const victim = test.add("worker", 0, { pid: child.pid, status: status() });
  for (const index of [1, 2]) test.add("worker", index, { status: status() });
  test.answer = () => status({ owned: [4, 7, 9] });
  const fleet = test as unknown as Fleet;
  const console = new SimConsole({
    write: () => {},
    terminal: false,
    color: false,
    columns: () => 80,
    now: () => new Date(0),
  });
  const state = new RunState(new Array(10).fill(1), () => fleet, console);
  const scene = new Scene({
    runId: RUN_ID,
    fleet,
    state,
    messaging: test.messaging,
    console,
    server: undefined,
    minWorkers: 2,
    // The group is given 2 s more than that.
    timing: { heartbeatTtlMs: leaseMs - 2_000, electionTimeoutMs: 5_000 },
  });
  const event: PlannedChaos = {
    ...{ number: 1, atMs: 0, type: "worker_pause", picks: [0], count: 1, downMs: DOWN_MS },
  };
  await pause(scene, event, victim);
  assert.deepEqual(scene.targets.workers(event, 3).map(({ name }) => name), ["worker-1"]);
  whileStopped(state, scene);
  await new Promise((resolve) => setTimeout(resolve, 2 * DOWN_MS));
  await scene.settle();
  assert.ok(!scene.hits.isUnder(victim.process));
  return state.incidents;
}

function acquire(state: RunState, partitions: number[], atUs = nowUs()): void {
  state.takeReport("worker-1#1", { kind: "lanes", change: "acquired", partitions, atUs });
}

Deno.test("worker acts: planted: a worker stands still for longer than a lease, and nobody takes over what it has", async () => {
  const [incident, ...others] = await paused(DOWN_MS / 2, (state) => acquire(state, [9]));
  assert.match(incident!, /^worker-0 stood still for .+, and nobody took over partitions 4, 7$/);
  assert.deepEqual(others, []);
});

Deno.test("worker acts: planted: what others acquire only after the pause they have not taken over", async () => {
  const incidents = await paused(DOWN_MS / 2, (state) => {
    acquire(state, [9]);
    acquire(state, [4, 7], nowUs() + 10 * DOWN_MS * 1_000);
  });
  assert.match(incidents.join(), /nobody took over partitions 4, 7$/);
});

Deno.test("worker acts: a pause that all is taken over in is as it should be", async () => {
  assert.deepEqual(await paused(DOWN_MS / 2, (state) => acquire(state, [4, 7, 9])), []);
});

Deno.test("worker acts: a pause shorter than a lease, or with the taker silent as well, proves nothing", async () => {
  assert.deepEqual(await paused(20 * DOWN_MS, () => {}), []);
  const silent = { process: "worker-1#1", status: status({ leader: true }) };
  const others = await paused(DOWN_MS / 2, (_, scene) => scene.hits.silenced(silent, nowUs()));
  assert.deepEqual(others, []);
});
