import assert from "node:assert/strict";
import type { ProcessEnd } from "../host/host.ts";
import { until } from "../../tasks/until.ts";
import { RUN_ID, TestFleet } from "../run/fleet_rig_test.ts";
import { pauseFor, POLL_MS } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import { LoadControl } from "./load_control.ts";

function rig(patienceMs = 60_000) {
  const fleet = new TestFleet();
  const doubts: string[] = [];
  const abort = new AbortController();
  const control = new LoadControl({
    fleet,
    messaging: fleet.messaging,
    runId: RUN_ID,
    changes: () => ({ added: [], retired: [] }),
    doubts,
    patienceMs,
    signal: abort.signal,
  });
  return { fleet, doubts, control, abort };
}

Deno.test("load: each producer is started once, as soon as it is ready, and those that come back too", async () => {
  const { fleet, control } = rig();
  const first = fleet.add("producer", 0);
  const late = fleet.add("producer", 1, { readyUs: undefined });
  fleet.add("worker", 0);
  let failures = 1;
  fleet.answer = () => {
    if (failures-- > 0) throw new Error("no answer");
    return null;
  };
  const end = new AbortController();
  const keeping = control.keepStarted(end.signal, nowUs());
  // The first try had no answer, and after the second one there is no third.
  await until("started", () => fleet.commands.length >= 2);
  await pauseFor(POLL_MS * 2);
  assert.deepEqual(fleet.commands, ["start producer-0#1", "start producer-0#1"]);
  late.readyUs = 1;
  first.phase = "killed";
  fleet.add("producer", 0, { process: "producer-0#2" });
  await until("both started", () => fleet.commands.length >= 4);
  await pauseFor(POLL_MS * 2);
  end.abort();
  await keeping;
  assert.deepEqual(fleet.commands.slice(2), ["start producer-1#1", "start producer-0#2"]);
});

Deno.test("load: whoever is started, also one that comes back, is told how long ago the load began", async () => {
  const { fleet, control } = rig();
  const told: number[] = [];
  fleet.answer = (_member, _command, whole) => {
    assert.ok(whole.command === "start");
    told.push(whole.elapsedMs);
    return null;
  };
  const sinceMs = (fromUs: number) => (nowUs() - fromUs) / 1_000;
  const loadFromUs = nowUs() - 5_000_000;
  const first = fleet.add("producer", 0);
  const end = new AbortController();
  const keeping = control.keepStarted(end.signal, loadFromUs);
  await until("started", () => told.length === 1);
  const betweenMs = sinceMs(loadFromUs);
  assert.ok(told[0]! >= 5_000 && told[0]! <= betweenMs, told.join());
  first.phase = "killed";
  fleet.add("producer", 0, { process: "producer-0#2" });
  await until("started again", () => told.length === 2);
  assert.ok(told[1]! >= betweenMs && told[1]! <= sinceMs(loadFromUs), told.join());
  end.abort();
  await keeping;
});

Deno.test("load: a clock that was set back since the load began does not make the load begin later", async () => {
  const { fleet, control } = rig();
  const told: number[] = [];
  fleet.answer = (_member, _command, whole) =>
    told.push((whole as { elapsedMs: number }).elapsedMs);
  fleet.add("producer", 0);
  const end = new AbortController();
  const keeping = control.keepStarted(end.signal, nowUs() + 60_000_000);
  await until("started", () => told.length === 1);
  assert.deepEqual(told, [0]);
  end.abort();
  await keeping;
});

Deno.test("load: every producer tells what it has sent and ends", async () => {
  const { fleet, doubts, control } = rig();
  const exits = [0, 1].map(() => Promise.withResolvers<ProcessEnd>());
  const producers = exits.map(({ promise }, index) =>
    fleet.add("producer", index, { exited: promise })
  );
  let finished = false;
  const finishing = control.finish().then(() => finished = true);
  await pauseFor(10);
  assert.deepEqual(fleet.commands, ["finish producer-0#1", "finish producer-1#1"]);
  assert.deepEqual(producers.map(({ phase }) => phase), ["leaving", "leaving"]);
  assert.equal(finished, false, "none has ended yet");
  for (const { resolve } of exits) resolve({ code: 0, signal: null });
  await finishing;
  assert.deepEqual(doubts, []);
});

Deno.test("load: one that cannot tell is a doubt; one that is not ready yet is waited for", async () => {
  const { fleet, doubts, control } = rig(300);
  const late = fleet.add("producer", 0, { readyUs: undefined });
  const mute = fleet.add("producer", 1);
  fleet.answer = ({ index }) => index === 1 ? assert.fail("no answer") : null;
  const finishing = control.finish();
  await pauseFor(10);
  assert.deepEqual(fleet.commands, []);
  late.readyUs = 1;
  await finishing;
  assert.deepEqual(doubts, ["producer-1#1 could not tell what it has sent"]);
  assert.equal(control.isToldAll, false);
  assert.equal(mute.phase, "running", "somebody else has to end it");
});

Deno.test("load: one that reconnects when it is asked is asked again", async () => {
  const { fleet, doubts, control } = rig();
  fleet.add("producer", 0);
  let failures = 2;
  fleet.answer = () => failures-- > 0 ? assert.fail("no responders") : null;
  await control.finish();
  assert.equal(fleet.commands.length, 3);
  assert.deepEqual(doubts, []);
});

Deno.test("load: an interrupted run waits for no producer: not for its answer, nor for its end, nor for the next one", async () => {
  {
    const { fleet, doubts, control, abort } = rig();
    fleet.add("producer", 0, { exited: new Promise(() => {}) });
    fleet.add("producer", 1);
    fleet.answer = ({ index }) => index === 1 ? new Promise(() => {}) : null;
    const finishing = control.finish();
    await until("both are asked", () => fleet.commands.length === 2);
    abort.abort();
    await finishing;
    assert.deepEqual(doubts, []);
  }
  const { fleet, control, abort } = rig();
  for (const index of [0, 1, 2]) fleet.add("producer", index);
  fleet.answer = () => {
    abort.abort();
    throw new Error("no answer");
  };
  await control.keepStarted(abort.signal, nowUs());
  assert.deepEqual(fleet.commands, ["start producer-0#1"]);
});

for (
  const [code, doubt] of [[0, []], [1, ["producer-0#1 could not tell what it has sent"]]] as const
) {
  Deno.test(`load: one that has ended with code ${code} is not asked again`, async () => {
    const { fleet, doubts, control } = rig();
    const exited = Promise.resolve({ code, signal: null });
    const producer = fleet.add("producer", 0, { exited });
    fleet.answer = () => {
      assert.equal(producer.phase, "leaving", "its end is no surprise, also if it is seen first");
      producer.phase = "gone";
      throw new Error("no responders");
    };
    await control.finish();
    assert.equal(fleet.commands.length, 1);
    assert.deepEqual(doubts, doubt);
  });
}
