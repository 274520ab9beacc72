import assert from "node:assert/strict";
import { until } from "../../tasks/until.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { killServer } from "./other_acts.ts";
import { sceneRig } from "./scene_rig_test.ts";

const EVENT: PlannedChaos = {
  ...{ number: 3, atMs: 0, type: "nats_server_kill", picks: [0], count: 1, downMs: 10 },
};

Deno.test("scene: planted: a server that does not come back is an incident by its event's name, and nothing waits for ever", async () => {
  const restarted = Promise.withResolvers<void>();
  const server = { kill: () => Promise.resolve(), restart: () => restarted.promise };
  const { scene, state } = sceneRig([], { server, settleMs: 50 });
  await killServer(scene, EVENT);
  scene.acted(EVENT);
  const [record] = scene.records;
  scene.besides(() => new Promise(() => {}), record!);
  await scene.settle();
  assert.deepEqual(state.incidents, [
    "chaos was not over in time: #3 nats_server_kill (nats-server), which was to be put back",
    "chaos was not over in time: #3 nats_server_kill (nats-server), what was to come after it",
  ]);
  state.disorder = () => undefined;
  scene.validation.look();
  assert.ok(!scene.validation.isOpen, "it is waited for no longer");
  restarted.resolve();
  await until("it is back nevertheless", () => record!.recoveredMs !== null);
  await scene.settle();
});

Deno.test("scene: what is put back in time is waited for, and so is what that brings with it", async () => {
  const { scene, state } = sceneRig([], { settleMs: 60_000 });
  const done: string[] = [];
  const record = scene.record(EVENT, "x");
  scene.later(async () => {
    await Promise.resolve();
    done.push("put back");
    scene.besides(async () => {
      await Promise.resolve();
      done.push("looked at");
    }, record);
  }, record);
  await scene.settle();
  assert.deepEqual(done, ["put back", "looked at"]);
  assert.deepEqual(state.incidents, []);
});

/** A cluster that is never whole again: something of an event's fault, or of what comes after it, is never over. */
function never() {
  const { promise, reject } = Promise.withResolvers<void>();
  return { work: () => promise, reject };
}

for (const how of ["later", "besides"] as const) {
  Deno.test(`scene: a run that is to end soon does not wait for what is never over, and blames nobody (${how})`, async () => {
    const stop = new AbortController();
    const { scene, state } = sceneRig([], { signal: stop.signal, settleMs: 60_000, stopMs: 50 });
    const { work, reject } = never();
    scene[how](work, scene.record(EVENT, "x"));
    const fromMs = performance.now();
    const settled = scene.settle();
    stop.abort();
    await settled;
    const tookMs = performance.now() - fromMs;
    assert.ok(tookMs >= 49 && tookMs < 10_000, `${tookMs} ms`);
    reject(new Error("its server has just ended"));
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.deepEqual(state.incidents, []);
  });
}

Deno.test("scene: a run that is to end soon waits for what is put back in a moment; by default for 5 s", async () => {
  const signal = AbortSignal.abort();
  const { scene, state } = sceneRig([], { signal });
  const record = scene.record(EVENT, "x");
  let isBack = false;
  scene.later(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    isBack = true;
    throw new Error("not well");
  }, record);
  await scene.settle();
  assert.ok(isBack);
  assert.match(state.incidents.join(), /^chaos could not be carried out: .+not well$/);
  scene.later(never().work, record);
  const fromMs = performance.now();
  await scene.settle();
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs >= 4_900 && tookMs < 15_000, `${tookMs} ms`);
});
