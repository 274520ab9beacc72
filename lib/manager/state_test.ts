import assert from "node:assert/strict";
import type { PartiError } from "../errors.ts";
import { type ManagerState, type StateFacts, StateMachine, stateOf, TRANSITIONS } from "./state.ts";

const states = Object.keys(TRANSITIONS) as ManagerState[];

function machine() {
  const log: string[] = [];
  const illegal: PartiError[] = [];
  const time = { nowMs: 0 };
  const state = new StateMachine(() => time.nowMs, {
    onChange: (from, to, durationMs) => log.push(`${from} > ${to} after ${durationMs}`),
    onIllegal: (error) => illegal.push(error),
  });
  return { state, log, illegal, time };
}

const facts: StateFacts = {
  degraded: false,
  step: "WaitingAssignment",
  leaderPhase: "idle",
  assigned: true,
  settled: true,
};

Deno.test("the table knows every state; Shutdown is for good and can follow on any other", () => {
  assert.equal(states.length, 10);
  for (const from of states) {
    for (const to of TRANSITIONS[from]) assert.ok(states.includes(to) && to !== from);
    assert.equal(TRANSITIONS[from].includes("Shutdown"), from !== "Shutdown");
    if (!["Init", "Degraded", "Shutdown"].includes(from)) {
      assert.ok(TRANSITIONS[from].includes("Degraded"), `${from} can become Degraded`);
    }
  }
  assert.deepEqual(TRANSITIONS.Shutdown, []);
});

Deno.test("changes are told with how long the state lasted; the same state again is no change", () => {
  const { state, log, time } = machine();
  time.nowMs = 30;
  state.set("ClaimingID");
  state.set("ClaimingID");
  time.nowMs = 75;
  state.set("Election");
  assert.deepEqual(log, ["Init > ClaimingID after 30", "ClaimingID > Election after 45"]);
  assert.equal(state.state, "Election");
});

Deno.test("a change that is not in the table is reported and made: it never stops a worker", () => {
  const { state, log, illegal } = machine();
  state.set("Stable");
  assert.equal(state.state, "Stable");
  assert.equal(log.length, 1);
  assert.equal(illegal[0]!.code, "PARTI_INVARIANT");
  assert.match(illegal[0]!.message, /no transition from Init to Stable/);
});

Deno.test("after Shutdown nothing changes any more", () => {
  const { state, log, illegal } = machine();
  state.set("Shutdown");
  state.set("Stable");
  assert.equal(state.state, "Shutdown");
  assert.deepEqual([log.length, illegal.length], [1, 0]);
});

Deno.test("reached sees states that last for an instant, gives up on the signal, and knows the end", async () => {
  const { state } = machine();
  const never = new AbortController().signal;
  await state.reached("Init", never);
  const claiming = state.reached("ClaimingID", never);
  const stable = state.reached("Stable", never);
  const abort = new AbortController();
  const givenUp = state.reached("Stable", abort.signal);
  state.set("ClaimingID");
  state.set("Election");
  await claiming;
  abort.abort();
  await assert.rejects(givenUp, { code: "PARTI_ABORTED" });
  await assert.rejects(state.reached("Stable", AbortSignal.abort()), { code: "PARTI_ABORTED" });
  state.set("Shutdown");
  await assert.rejects(stable, { code: "PARTI_STOPPED" });
  await state.reached("Shutdown", never);
  await assert.rejects(state.reached("Stable", never), { code: "PARTI_STOPPED" });
});

Deno.test("the state follows from the facts", () => {
  assert.equal(stateOf(facts), "Stable");
  assert.equal(stateOf({ ...facts, settled: false }), "Rebalancing");
  assert.equal(stateOf({ ...facts, assigned: false, settled: false }), "WaitingAssignment");
  assert.equal(stateOf({ ...facts, leaderPhase: "scaling" }), "Scaling");
  assert.equal(stateOf({ ...facts, leaderPhase: "rebalancing" }), "Rebalancing");
  assert.equal(stateOf({ ...facts, leaderPhase: "emergency" }), "Emergency");
  // Before it is in, whatever else is known is of a life that is over.
  assert.equal(stateOf({ ...facts, step: "ClaimingID" }), "ClaimingID");
  assert.equal(stateOf({ ...facts, step: "Election", leaderPhase: "scaling" }), "Election");
  assert.equal(stateOf({ ...facts, degraded: true, step: "ClaimingID" }), "Degraded");
});

Deno.test("whatever the facts become within one life, the change is in the table", () => {
  const phases = ["idle", "scaling", "rebalancing", "emergency"] as const;
  const running: StateFacts[] = [];
  for (const leaderPhase of phases) {
    for (const settled of [true, false]) running.push({ ...facts, leaderPhase, settled });
  }
  for (const before of running) {
    for (const after of running) {
      const [from, to] = [stateOf(before), stateOf(after)];
      assert.ok(from === to || TRANSITIONS[from].includes(to), `${from} to ${to}`);
    }
    for (const from of ["ClaimingID", "Degraded", "WaitingAssignment"] as const) {
      const to = from === "ClaimingID" ? "Election" : stateOf(before);
      assert.ok(from === to || TRANSITIONS[from].includes(to), `${from} to ${to}`);
    }
    assert.ok(TRANSITIONS[stateOf(before)].includes("ClaimingID"), "a lease is lost in any state");
  }
});
