import assert from "node:assert/strict";
import type { Member } from "../run/fleet.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { crashProducer } from "./other_acts.ts";
import { sceneRig } from "./scene_rig_test.ts";

const EVENT: PlannedChaos = {
  ...{ number: 1, atMs: 0, type: "producer_crash", picks: [0], count: 1, downMs: 10 },
};

/** A producer is killed; the next incarnation is not ready yet. */
async function crashed(windowMs?: number) {
  const rig = sceneRig([], windowMs === undefined ? {} : { windowMs });
  const { scene, members, state } = rig;
  const started = Promise.withResolvers<Member>();
  members.add("producer", 0);
  Object.assign(members, {
    kill: (member: Member) => {
      member.phase = "killed";
      return nowUs();
    },
    spawn: () => {
      const next = members.add("producer", 0, { process: "producer-0#2", readyUs: undefined });
      started.resolve(next);
      return next;
    },
  });
  state.disorder = () => undefined;
  crashProducer(scene, EVENT);
  scene.acted(EVENT);
  const next = await started.promise;
  return { ...rig, record: scene.records[0]!, next };
}

Deno.test("producer crash: planted: it is recovered when the next incarnation is ready, and not when it is started", async () => {
  const { scene, next, record } = await crashed();
  const settled = scene.settle();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(record.recoveredMs, null, "nobody is ready");
  next.readyUs = nowUs() + 5_000_000;
  await settled;
  assert.ok(record.recoveredMs! >= 5_000, "by the word of the process");
});

Deno.test("producer crash: planted: one that is never ready is never recovered, and fails the event", async () => {
  const { scene, record, state } = await crashed(20);
  const looking = setInterval(() => scene.validation.look(), 5);
  await scene.settle();
  clearInterval(looking);
  assert.equal(record.recoveredMs, null);
  assert.match(state.incidents.join(), /^#1 producer_crash .+producer-0 is not ready$/);
});

Deno.test("producer crash: planted: one that is killed before it was ready has not recovered", async () => {
  const { scene, next, record, state } = await crashed();
  next.phase = "killed";
  await scene.settle();
  assert.equal(record.recoveredMs, null);
  assert.deepEqual(state.incidents, []);
});
