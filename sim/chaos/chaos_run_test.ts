import assert from "node:assert/strict";
import type { ChaosType } from "../config/config_schema.ts";
import { until } from "../../tasks/until.ts";
import { SimConsole } from "../console/status_line.ts";
import type { Fleet } from "../run/fleet.ts";
import { RUN_ID, TestFleet } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import { pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { type ChaosOptions, ChaosRunner } from "./chaos_run.ts";

/** Chaos of a kind at these times; there is nobody to hit but the server. */
function rig(type: ChaosType, ...timesMs: readonly number[]) {
  return rigOf(...timesMs.map((atMs) => [type, atMs] as const));
}

function rigOf(...planned: readonly (readonly [type: ChaosType, atMs: number])[]) {
  return rigWith({}, ...planned);
}

function rigWith(
  changes: Partial<ChaosOptions>,
  ...planned: readonly (readonly [type: ChaosType, atMs: number])[]
) {
  const calls: string[] = [];
  const server = {
    kill: () => Promise.resolve(void calls.push("kill")),
    restart: () => Promise.resolve(void calls.push("restart")),
  };
  const fleet = new TestFleet() as unknown as Fleet;
  const console = new SimConsole({
    write: () => {},
    terminal: false,
    color: false,
    columns: () => 80,
    now: () => new Date(0),
  });
  const events = planned.map(([type, atMs], index): PlannedChaos => ({
    ...{ number: index + 1, atMs, type, picks: [0], count: 1, downMs: 50 },
  }));
  const state = new RunState([1], () => fleet, console);
  const chaos = new ChaosRunner({
    plan: { seed: 1, events },
    runId: RUN_ID,
    fleet,
    state,
    messaging: new TestFleet().messaging,
    console,
    server,
    minWorkers: 2,
    timing: { heartbeatTtlMs: 6_000, electionTimeoutMs: 5_000 },
    windowMs: 1_000,
    ...changes,
  });
  return { chaos, calls, state };
}

Deno.test("chaos: what finds nobody is skipped with the reason", async () => {
  const { chaos } = rig("producer_crash", 0, 5);
  await chaos.run(new AbortController().signal);
  assert.deepEqual(chaos.records.map(({ type, skipped }) => [type, skipped]), [
    ["producer_crash", "no producer runs"],
    ["producer_crash", "no producer runs"],
  ]);
});

Deno.test("chaos: when the load ends the event of that moment is still done, and none after it", async () => {
  const { chaos } = rig("producer_crash", 0, 60, 60_000);
  const end = new AbortController();
  const running = chaos.run(end.signal);
  end.abort();
  await running;
  assert.equal(chaos.records.length, 2);
});

Deno.test("chaos: a server that is away cannot be killed once more", async () => {
  const { chaos, calls } = rig("nats_server_kill", 0, 5);
  await chaos.run(new AbortController().signal);
  await chaos.settle();
  assert.deepEqual(chaos.records.map(({ skipped }) => skipped), [
    undefined,
    "the server is away already",
  ]);
  assert.deepEqual(calls, ["kill", "restart"]);
});

Deno.test("chaos: no event waits for one that waits for a leader", async () => {
  const { chaos } = rigOf(["leader_pause", 0], ["producer_crash", 5], ["leader_failure", 10]);
  const end = new AbortController();
  const running = chaos.run(end.signal);
  await until("the producer's event", () => chaos.records.length > 0);
  assert.equal(chaos.records[0]!.type, "producer_crash");
  end.abort();
  await running;
  assert.deepEqual(chaos.records.slice(1).map(({ skipped }) => skipped), [
    "nobody leads",
    "nobody leads",
  ]);
});

Deno.test("chaos: what was due before the coordinator had caught up is done then, or skipped when the load is over", async () => {
  for (const isOver of [false, true]) {
    const { chaos } = rig("producer_crash", 0, 5);
    chaos.load([{
      ...{ number: 9, atMs: 0, type: "coordinator_crash", target: "it", recoveredMs: null },
      ...{ wholeMs: null, moves: { total: 0, needed: 0 } },
    }]);
    const caughtUp = Promise.withResolvers<boolean>();
    chaos.comeBack(nowUs(), () => caughtUp.promise);
    const end = new AbortController();
    const running = chaos.run(end.signal, 60_000);
    await pauseFor(20);
    assert.equal(chaos.records.length, 1);
    if (isOver) end.abort();
    caughtUp.resolve(true);
    await running;
    const why = isOver ? "the coordinator was away until the load was over" : "no producer runs";
    assert.deepEqual(chaos.records.map(({ skipped }) => skipped), [undefined, why, why]);
    assert.ok(chaos.records[0]!.recoveredMs! >= 0);
  }
});

Deno.test("chaos: planted: an act that fails is an incident at once, and the other events happen", async () => {
  const server = {
    kill: () => Promise.reject(new Error("no such process")),
    restart: () => Promise.resolve(),
  };
  const { chaos, state } = rigWith(
    { server },
    ["nats_server_kill", 0],
    ["producer_crash", 5],
    ["producer_crash", 60_000],
  );
  const end = new AbortController();
  const running = chaos.run(end.signal);
  await until("the next event", () => chaos.records.length === 2);
  assert.deepEqual(state.incidents, [
    "chaos could not be carried out: #1 nats_server_kill: no such process",
  ]);
  end.abort();
  await running;
});

Deno.test("chaos: planted: who looks and fails is an incident, and nobody waits for what he would have seen", async () => {
  const { chaos, state } = rigWith({
    onLook: () => {
      throw new Error("a mistake");
    },
  }, ["nats_server_kill", 0]);
  await chaos.run(new AbortController().signal);
  await chaos.watch(new AbortController().signal);
  assert.deepEqual(state.incidents, ["chaos could not be validated: a mistake"]);
  await chaos.settle();
  await chaos.validated(new AbortController().signal);
});

Deno.test("chaos: planted: a coordinator that cannot catch up because of an error is an incident, and the load goes on", async () => {
  const { chaos, state } = rigOf(["producer_crash", 0]);
  chaos.load([{
    ...{ number: 9, atMs: 0, type: "coordinator_crash", target: "it", recoveredMs: null },
    ...{ wholeMs: null, moves: { total: 0, needed: 0 } },
  }]);
  chaos.comeBack(nowUs(), () => Promise.reject(new Error("a mistake")));
  await chaos.run(new AbortController().signal);
  assert.deepEqual(state.incidents, ["chaos could not be carried out: coming back: a mistake"]);
  assert.equal(chaos.records[1]!.skipped, "no producer runs");
});
