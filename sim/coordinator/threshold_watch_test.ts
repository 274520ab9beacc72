import assert from "node:assert/strict";
import { parse } from "valibot";
import { simulationSchema } from "../config/config_schema.ts";
import type { ThresholdResult } from "../report/thresholds.ts";
import { pauseFor } from "../run/wait.ts";
import { ThresholdWatch } from "./threshold_watch.ts";

/** A watch over a figure that grows by one with each look. */
function rig(thresholds: unknown) {
  const told: (readonly ThresholdResult[])[] = [];
  let sent = 0;
  const watch = new ThresholdWatch({
    thresholds: parse(simulationSchema, { thresholds }).thresholds,
    figures: () => Promise.resolve({ messages: { sent: ++sent } }),
    onFail: (failed) => told.push(failed),
    intervalMs: 5,
  });
  return {
    watch,
    told,
    looks: () => sent,
    [Symbol.asyncDispose]: () => watch.stop(),
  };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await pauseFor(5);
}

Deno.test("planted: a threshold with abortOnFail is told once, as it was when it failed", async () => {
  const limit = { threshold: "< 3", abortOnFail: true };
  await using run = rig({ "messages.sent": [limit, "< 2"], "messages.lost": limit });
  run.watch.start(0);
  await until(() => run.told.length > 0);
  await pauseFor(50);
  assert.equal(run.told.length, 1);
  assert.deepEqual(run.watch.failed, run.told[0]);
  assert.deepEqual(
    run.watch.failed.map(({ threshold, actual, endedRun }) => {
      return [threshold, actual, endedRun];
    }),
    [["messages.sent < 3", 3, true]],
  );
});

Deno.test("a threshold may wait before it ends a run", async () => {
  const limit = { threshold: "> 1000", abortOnFail: true, delayAbortEval: "200ms" };
  await using run = rig({ "messages.sent": limit });
  run.watch.start(0);
  const startMs = performance.now();
  await until(() => run.told.length > 0);
  assert.ok(performance.now() - startMs >= 190);
  assert.equal(run.looks(), 1, "figures are not asked for before");
});

Deno.test("a threshold has waited as long as the load has lasted, whoever has begun it", async () => {
  const limit = { threshold: "> 1000", abortOnFail: true, delayAbortEval: "1h" };
  await using run = rig({ "messages.sent": limit });
  run.watch.start(3_600_000);
  assert.equal(run.looks(), 1);
  await until(() => run.told.length > 0);
});

Deno.test("without abortOnFail nothing is watched, and after its end nothing is told", async () => {
  await using idle = rig({ "messages.sent": "< 1" });
  idle.watch.start(0);
  await using stopped = rig({ "messages.sent": { threshold: "< 5", abortOnFail: true } });
  stopped.watch.start(0);
  await stopped.watch.stop();
  await pauseFor(100);
  assert.equal(idle.looks(), 0);
  assert.deepEqual([...idle.told, ...stopped.told], []);
});
