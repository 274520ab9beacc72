import assert from "node:assert/strict";
import { pauseProcess } from "../../tasks/pause.ts";
import type { Member } from "../run/fleet.ts";
import { noAnswer, status } from "../run/fleet_rig_test.ts";
import type { RunState } from "../run/run_state.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import type { Scene } from "./scene.ts";
import { sceneRig } from "./scene_rig_test.ts";
import { pause, scaleDown, slowDown } from "./worker_acts.ts";

const DOWN_MS = 150;

/** Stops a process that owns 4, 7 and 9 for a moment; the lease is over after so many milliseconds. */
async function paused(leaseMs: number, whileStopped: (state: RunState, scene: Scene) => void) {
  await using child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  // The group is given 2 s more than that.
  const timing = { heartbeatTtlMs: leaseMs - 2_000, electionTimeoutMs: 5_000 };
  const { scene, members, state } = sceneRig([4, 7, 9], { timing });
  const victim = Object.assign(members.get("worker-0#1")!, {
    hosted: { pid: child.pid, pause: () => pauseProcess(child.pid) },
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

const SLOW: PlannedChaos = {
  ...{ number: 1, atMs: 0, type: "slow_worker", picks: [0], count: 1, downMs: 10 },
};

Deno.test("worker acts: a slow worker is told to be quick again until it has heard it", async () => {
  const { scene, members, state } = sceneRig([4]);
  let deaf = 3;
  members.answer = (_, command) => {
    if (command === "quick" && deaf-- > 0) noAnswer();
    return null;
  };
  await slowDown(scene, SLOW);
  await scene.settle();
  assert.deepEqual(state.incidents, []);
  const told = members.commands.filter((command) => !command.startsWith("status"));
  assert.deepEqual(told, ["slow worker-0#1", ...new Array(4).fill("quick worker-0#1")]);
});

Deno.test("worker acts: planted: a worker that stays slow is an incident", async () => {
  const { scene, members, state } = sceneRig([4], { windowMs: 100 });
  members.answer = (_, command) => command === "quick" ? noAnswer() : null;
  await slowDown(scene, SLOW);
  await scene.settle();
  assert.match(state.incidents.join(), /worker-0 could not be told to be quick again/);
});

Deno.test("worker acts: who does not answer is not slowed down; planted: any other error is no silence", async () => {
  const { scene, members } = sceneRig([4]);
  members.answer = noAnswer;
  await slowDown(scene, SLOW);
  assert.match(scene.records[0]!.skipped!, /worker-0 does not answer: .*no answer/);
  members.answer = () => {
    throw new TypeError("a mistake");
  };
  await assert.rejects(slowDown(scene, SLOW), /a mistake/);
});

/** Two of three workers are to leave, and two have to stay; some go when asked to. */
async function scaledDown(leaves: (member: Member) => boolean) {
  const { scene, members, state } = sceneRig([4, 7]);
  const asked: string[] = [];
  Object.assign(members, {
    leave: (member: Member) => {
      asked.push(member.name);
      member.phase = "leaving";
      return Promise.resolve(leaves(member));
    },
  });
  const event: PlannedChaos = {
    ...{ number: 1, atMs: 0, type: "scale_down", picks: [0.9, 0], count: 2, downMs: 0 },
  };
  await scaleDown(scene, event);
  await scene.settle();
  return { asked, scene, event, state };
}

Deno.test("worker acts: a scale-down asks as many to leave as can be spared, and nobody when there are too few", async () => {
  const { asked, scene, event, state } = await scaledDown(() => true);
  assert.deepEqual(asked, ["worker-2"]);
  assert.deepEqual(state.incidents, []);
  await scaleDown(scene, event);
  assert.deepEqual(
    scene.records.map(({ target, skipped }) => skipped ?? target),
    ["removing worker-2", "too few workers"],
  );
});

Deno.test("worker acts: planted: a worker that does not leave when the fleet shrinks is an incident", async () => {
  const { state } = await scaledDown(() => false);
  assert.deepEqual(state.incidents, ["worker-2#1 did not leave when asked to"]);
});
