import assert from "node:assert/strict";
import { SimConsole } from "../console/status_line.ts";
import type { Fleet } from "./fleet.ts";
import { status, TestFleet } from "./fleet_rig_test.ts";
import { RunState } from "./run_state.ts";

function rig(workers: number) {
  const fleet = new TestFleet();
  for (let index = 0; index < workers; index++) {
    fleet.add("worker", index, { readyUs: (index + 1) * 1_000 });
  }
  const console = new SimConsole({
    write: () => {},
    terminal: false,
    color: false,
    columns: () => 80,
    now: () => new Date(0),
  });
  const state = new RunState([1, 1], () => fleet as unknown as Fleet, console);
  const say = (index: number, name: string, atMs: number) => {
    const report = { kind: "status", status: status({ state: name }), atUs: atMs * 1_000 } as const;
    state.takeReport(`worker-${index}#1`, report);
  };
  return { fleet, state, say };
}

Deno.test("start: it is over when all are Stable at once", () => {
  const { state, say } = rig(2);
  say(0, "Stable", 500);
  assert.equal(state.startupMs, null);
  say(0, "Stable", 600);
  say(1, "Stable", 900);
  assert.equal(state.startupMs, 899, "from the readiness of the first, at 1 ms");
});

Deno.test("start: planted: who was Stable and is not any more does not count as Stable", () => {
  const { state, say } = rig(2);
  say(0, "Stable", 500);
  say(0, "Rebalancing", 700);
  say(1, "Stable", 900);
  assert.equal(state.startupMs, null, "each was Stable once, and never both at once");
  say(0, "Stable", 2_000);
  assert.equal(state.startupMs, 1_999);
});

Deno.test("order: every worker has to say so, and lately; every partition has one owner", () => {
  const { fleet, state, say } = rig(2);
  assert.equal(state.disorder(), "worker-0 is silent, worker-1 is silent");
  say(0, "Stable", 100);
  say(1, "Joining", 100);
  assert.equal(state.disorder(), "worker-1 is Joining");
  say(1, "Stable", 900);
  assert.equal(state.disorder(), "2 partitions without an owner, 0 with more than one");
  const own = (index: number, owned: number[], atMs: number) => {
    const report = { kind: "status", status: status({ owned }), atUs: atMs * 1_000 } as const;
    state.takeReport(`worker-${index}#1`, report);
  };
  own(0, [0], 1_000);
  own(1, [0, 1], 1_000);
  assert.equal(state.disorder(), "0 partitions without an owner, 1 with more than one");
  own(1, [1], 1_100);
  assert.equal(state.disorder(), undefined);
  assert.equal(state.disorder(1_050_000), "worker-0 is silent", "it may be cut off by now");
  own(0, [0], 1_200);
  assert.equal(state.disorder(1_050_000), undefined);
  for (const member of fleet.members) member.phase = "gone";
  assert.equal(state.disorder(), "no worker runs");
});

Deno.test("what a kill and an outage mean goes to the book too", () => {
  const { state } = rig(1);
  const delivery = {
    ...{ partition: 0, sequence: 1, instance: "", epoch: 1, generation: 1 },
    ...{ streamSequence: 1, deliveryCount: 1, outcome: "failed" as const },
  };
  const gone = {
    partitions: [],
    epoch: 1,
    generation: 1,
    atUs: 50_000_000,
    how: "killed" as const,
  };
  state.ledger.begun("a#1", "a", 0, 1, 1_000_000);
  state.gone({ ...gone, process: "a#1" }, () => {});
  const span = { process: "b#1", startUs: 40_000_000, endUs: 41_000_000 };
  state.takeReport("b#1", { kind: "delivered", delivery: { ...delivery, ...span } });
  assert.equal(state.ledger.totals().interleavings, 1);
  state.outage(39_000_000, Number.POSITIVE_INFINITY);
  assert.equal(state.ledger.totals().interleavings, 1, "judged when it is over");
  state.outage(39_000_000, 39_500_000);
  assert.equal(state.ledger.totals().interleavings, 0);
  assert.equal(state.ledger.totals().excusedOverlaps.outage, 1);
});

Deno.test("what workers hand to each other when all leave is no move and nobody's recovery", () => {
  const { state } = rig(1);
  const acquired = (process: string, partition: number, atMs: number) => {
    const partitions = [partition];
    state.takeReport(process, {
      kind: "lanes",
      change: "acquired",
      partitions,
      atUs: atMs * 1_000,
    });
  };
  acquired("a#1", 0, 1);
  acquired("a#1", 1, 1);
  state.moves.begin(10_000);
  const gone = { process: "a#1", atUs: 20_000, partitions: [0, 1], epoch: 1, generation: 1 };
  state.gone({ ...gone, how: "killed" }, () => {});
  acquired("b#1", 0, 30);
  state.ending(40_000);
  acquired("b#1", 1, 50);
  state.moves.finish();
  assert.deepEqual(state.moves.count, { total: 1, needed: 1 });
  const open = state.measurements.recovery.open.map(({ takenOver }) => takenOver);
  assert.deepEqual(open, [true, false]);
});

Deno.test("what a worker says of itself and of its lanes is taken", () => {
  const { state } = rig(1);
  const why = "starved";
  state.takeReport("a#1", { kind: "impaired", why, fromUs: 5, untilUs: 9 });
  assert.equal(state.ledger.impairments.during("a#1", 6, 7), why);
  for (
    const [process, change, atUs] of [
      ["a#1", "acquired", 1],
      ["a#1", "released", 10_000],
      ["b#1", "acquired", 12_000],
    ] as const
  ) state.takeReport(process, { kind: "lanes", change, partitions: [0], atUs });
  state.measurements.vacancies.finish();
  assert.equal(state.measurements.vacancies.durations.percentiles().max, 2);
});

Deno.test("planted: a dead letter that cannot be read is a defect, as an effect is", () => {
  const { state } = rig(1);
  state.takeEffect(new TextEncoder().encode("x"), 1, 1);
  assert.equal(state.ledger.totals().unexpected, 1);
  state.takeDeadLetter(new TextEncoder().encode("x"), 1);
  assert.equal(state.ledger.totals().unexpected, 2);
  assert.equal(state.defects, 2);
});

Deno.test("planted: a process that is in trouble, and could not tell all, makes a doubt", () => {
  const { state } = rig(1);
  state.takeReport("worker-0#1", { kind: "trouble", message: "a report is too large" });
  assert.deepEqual(state.doubts, ["worker-0#1: a report is too large"]);
});

Deno.test("order: who was started after the clock had been set back is heard all the same", () => {
  const { fleet, state, say } = rig(0);
  fleet.add("worker", 0, { startedUs: 60_000_000 });
  state.takeReport("worker-0#1", { kind: "hello", pid: 1, atUs: 1_000_000 });
  say(0, "Stable", 2_000);
  assert.equal(state.disorder(60_500_000), "2 partitions without an owner, 0 with more than one");
  assert.equal(state.disorder(62_000_000), "worker-0 is silent");
});

Deno.test("a server whose clock is off makes no message slower, and none quicker", () => {
  for (const aheadUs of [0, 1_000_000, -1_000_000]) {
    const { state } = rig(1);
    state.serverAheadUs = aheadUs;
    const atUs = 10_000_000;
    const payload = {
      ...{ partition: 0, sequence: 1, publishedUs: atUs, availableUs: atUs + 1_000 + aheadUs },
      ...{ acquiredUs: atUs - 1, startUs: atUs + 2_000, process: "worker-0#1", instance: "i" },
      ...{ epoch: 1, generation: 1, streamSequence: 1, deliveryCount: 1 },
    };
    const data = new TextEncoder().encode(JSON.stringify(payload));
    state.takeEffect(data, atUs + 40_000 + aheadUs, 1);
    assert.equal(state.measurements.latency.percentiles().max, 40);
  }
});
