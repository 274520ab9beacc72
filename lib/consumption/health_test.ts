import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import { Run } from "./dispatch/run.ts";
import { fakeLane, FakeMessage, slots } from "./fakes_test.ts";
import { healthOf } from "./health.ts";

const LONG_AGO_MS = 0;

Deno.test("health: everything wanted is held, nothing is in the way, and the connection is up", () => {
  const all = slots("a", "b", "c");
  const { lane } = fakeLane(all);
  const health = healthOf(all, [lane], 1, true, LONG_AGO_MS);
  assert.deepEqual([health.healthy, health.held, health.lanes, health.running], [true, 3, 1, 1]);
  assert.equal(healthOf(all, [lane], 1, false, LONG_AGO_MS).healthy, false);
});

Deno.test("health: each trouble is named with its partitions, also in a partition that is held", () => {
  for (const trouble of ["stopped", "blocked", "outranked"] as const) {
    const all = slots("a", "b");
    const { lane } = fakeLane(all);
    all[1]![trouble] = true;
    const health = healthOf(all, [lane], 0, true, LONG_AGO_MS);
    assert.deepEqual([health.healthy, health.held, health[trouble]], [false, 2, ["b"]], trouble);
    all[1]!.wanted = false;
    assert.equal(
      healthOf(all, [lane], 0, true, LONG_AGO_MS).healthy,
      true,
      `${trouble}, but it is leaving`,
    );
  }
});

Deno.test("health: partitions whose lane may not be pulled from or acknowledged are denied, until it may", async () => {
  const all = slots("a", "b");
  const { lane, pull, refusals } = fakeLane([all[0]!]);
  const other = fakeLane([all[1]!], "other").lane;
  const denied = () => {
    const health = healthOf(all, [lane, other], 0, true, LONG_AGO_MS);
    assert.equal(health.healthy, health.denied.length === 0);
    return health.denied;
  };
  assert.deepEqual(denied(), []);
  const refusal = new PartiError("PARTI_REFUSED", "may not");
  pull.handler.onPermission(refusal);
  assert.deepEqual([denied(), refusals], [["a"], [refusal]]);
  pull.handler.onPermission(undefined);
  assert.deepEqual(denied(), []);
  const message = new FakeMessage("a", 1);
  message.confirmation = () => Promise.reject(refusal);
  lane.ack(message);
  await assert.rejects(lane.acks.confirm());
  assert.deepEqual([denied(), refusals], [["a"], [refusal, refusal]]);
});

Deno.test("health: what is wanted and not held waits, also on a lane that has ended", () => {
  const all = slots("a", "b");
  const { lane } = fakeLane([all[0]!]);
  assert.deepEqual(healthOf(all, [lane], 0, true, LONG_AGO_MS).waiting, ["b"]);
  lane.fail("deleted", "gone");
  const health = healthOf(all, [lane], 0, true, LONG_AGO_MS);
  assert.deepEqual([health.healthy, health.held, health.waiting], [false, 0, ["a", "b"]]);
});

Deno.test("health: a message that has been failing for long is told, and is no trouble by itself", () => {
  const all = slots("a", "b", "c");
  const { lane } = fakeLane(all);
  all[0]!.failingSinceMs = 99;
  all[1]!.failingSinceMs = 100;
  const { healthy, failing } = healthOf(all, [lane], 2, true, 100);
  assert.deepEqual([healthy, failing], [true, ["a"]]);
});

Deno.test("health: a handler that does not come back for long is told, and is no trouble by itself; between two tries nothing runs", () => {
  const all = slots("a", "b", "c");
  const { lane } = fakeLane(all);
  const runs = all.map((slot) => {
    slot.take(new FakeMessage(slot.id, 1), lane);
    const run = new Run(slot, slot.next(), { worker: "w", instance: "i" }, false);
    slot.running = run;
    return run;
  });
  [99, 100, 99].forEach((atMs, index) => runs[index]!.begin(all[index]!.ownership, atMs));
  runs[2]!.end();
  const { healthy, longRunning } = healthOf(all, [lane], 3, true, 100);
  assert.deepEqual([healthy, longRunning], [true, ["a"]]);
});
