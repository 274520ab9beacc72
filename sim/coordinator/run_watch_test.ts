import assert from "node:assert/strict";
import { until } from "../../tasks/until.ts";
import { SimConsole } from "../console/status_line.ts";
import type { Fleet } from "../run/fleet.ts";
import { status, TestFleet } from "../run/fleet_rig_test.ts";
import type { Clocks } from "../run/clock_watch.ts";
import { RunState } from "../run/run_state.ts";
import { nowUs } from "../streams/message.ts";
import { RunWatch } from "./run_watch.ts";

function rig(clocks?: Clocks) {
  const fleet = new TestFleet();
  for (const index of [0, 1]) fleet.add("worker", index);
  const lines: string[] = [];
  const console = new SimConsole({
    ...{
      write: (text: string) => void lines.push(text),
      terminal: false,
      color: false,
      columns: () => 80,
    },
    now: () => new Date(0),
  });
  const state = new RunState([1, 1], () => fleet as unknown as Fleet, console);
  const watch = new RunWatch({
    ...{ runId: "r", state, fleet: fleet as unknown as Fleet, durationMs: 1_000, console },
    ...(clocks === undefined ? {} : { clocks }),
    facts: { machineLoad: { sample: () => {} }, loadMs: 0 } as never,
    ...{ onTick: () => {}, serverPids: () => [Deno.pid] },
    chaos: () => 0,
  });
  const effect = (sequence: number, latencyUs: number) => {
    const bytes = new TextEncoder().encode(JSON.stringify({
      ...{ partition: 0, sequence, publishedUs: 1_000, availableUs: 2, acquiredUs: 0, startUs: 3 },
      ...{ process: "worker-0#1", instance: "i", epoch: 1, generation: 1 },
      ...{ streamSequence: sequence, deliveryCount: 1 },
    }));
    state.takeEffect(bytes, 1_000 + latencyUs, sequence);
  };
  const lanes = (index: number, change: "acquired" | "released", ...partitions: number[]) =>
    state.takeReport(`worker-${index}#1`, { kind: "lanes", change, partitions, atUs: nowUs() });
  return { state, watch, effect, lanes, lines };
}

Deno.test("each sample tells what happened since the one before", () => {
  const { state, watch, effect, lanes } = rig();
  const sent = { kind: "sent", partition: 0, first: 1, last: 5 } as const;
  state.takeReport("producer-0#1", sent);
  state.takeReport("worker-0#1", { kind: "memory", rssBytes: 7 });
  state.takeReport("worker-1#1", { kind: "memory", rssBytes: 5 });
  state.takeReport("worker-0#1", {
    ...{ kind: "status", atUs: 1, status: status({ state: "Stable" }) },
  });
  lanes(0, "acquired", 0, 1);
  effect(1, 4_000);
  effect(2, 4_000);
  watch.sample();
  effect(5, 9_000);
  lanes(0, "released", 1);
  lanes(1, "acquired", 1);
  watch.finishSeries();
  watch.sample();
  const { samples, owners, runId } = watch.series;
  const { untilMs, coordinatorRssBytes, serverRssBytes, ...told } = samples;
  assert.ok(coordinatorRssBytes.every((bytes) => bytes > 1e7), String(coordinatorRssBytes));
  if (Deno.build.os === "linux") assert.ok(serverRssBytes.every((bytes) => bytes > 1e7));
  assert.equal(runId, "r");
  assert.equal(untilMs.length, 2, "nothing is told after the end");
  assert.deepEqual(told, {
    ...{ sent: [5, 0], handled: [2, 1], waiting: [3, 2] },
    ...{ latencyP50Ms: [4, 9], latencyP99Ms: [4, 9] },
    ...{ stable: [1, 1], workers: [2, 2], moves: [0, 1], defects: [0, 0] },
    // 3 and 4 have no effect though 5 has.
    ...{ gaps: [0, 2], rssBytes: [12, 12], meanRssBytes: [6, 6], largestRssBytes: [7, 7] },
  });
  assert.deepEqual(owners.processes, ["worker-0#1", "worker-1#1"]);
  assert.deepEqual(owners.partition, [0, 1, 1, 1]);
  assert.deepEqual(owners.owner, [0, 0, -1, 1]);
});

Deno.test("planted: a clock that is set while the run goes on is told, and times are not compared closer than that", async () => {
  const state = { steadyMs: 0, aheadMs: 1e12 };
  const clocks = {
    steadyMs: () => state.steadyMs,
    wallMs: () => state.steadyMs + state.aheadMs,
  };
  const { watch, state: { ledger }, lines } = rig(clocks);
  watch.start();
  await until("it is looked at", () => lines.length > 0);
  state.aheadMs -= 250;
  await until("it is told", () => /WARN.* was set by -250ms/.test(lines.join("\n")));
  watch.stop();
  assert.equal(ledger.save().clockDoubtUs, 250_000);
});

Deno.test("phases are told with their beginning", () => {
  const { watch } = rig();
  assert.equal(watch.phase, "start");
  watch.enter("warm-up");
  watch.enter("load");
  assert.equal(watch.phase, "load");
  assert.deepEqual(watch.series.phases.map(({ phase }) => phase), ["warm-up", "load"]);
  assert.ok(watch.series.phases.every(({ atMs }) => atMs >= 0 && atMs < 60_000));
});

Deno.test("a run that went on while nobody saw it was at its load all the time, and one that was not was away", () => {
  const { watch } = rig();
  watch.enter("load");
  const saved = watch.save();
  const phasesAfter = (awayUs?: number) => {
    const { watch: next } = rig();
    next.load(saved, awayUs);
    next.enter("load");
    return next.series.phases.map(({ phase }) => phase);
  };
  assert.deepEqual(phasesAfter(), ["load"]);
  assert.deepEqual(phasesAfter(nowUs()), ["load", "away", "load"]);
});
