import assert from "node:assert/strict";
import { parse } from "valibot";
import { simulationSchema } from "../config/config_schema.ts";
import { status, TestFleet } from "../run/fleet_rig_test.ts";
import { PartitionSet } from "../run/partition_set.ts";
import type { RunState } from "../run/run_state.ts";
import { heal } from "./heal.ts";

/** Workers with so many partitions each; `amiss` is what is not in order. */
function rig(owned: readonly number[], workers: Record<string, unknown> = {}) {
  const fleet = new TestFleet();
  const count = owned.reduce((sum, size) => sum + size, 0);
  let next = 0;
  for (const [index, size] of owned.entries()) {
    const own = Array.from({ length: size }, () => next++);
    fleet.add("worker", index, { status: status({ owned: own }) });
  }
  const state = {
    incidents: [] as string[],
    doubts: [] as string[],
    amiss: undefined as string | undefined,
    disorder: () => state.amiss,
    sharing: undefined as RunState["sharing"],
    partitions: new PartitionSet(new Array(count).fill(1)),
  };
  const config = parse(simulationSchema, {
    workers: { count: owned.length, ...workers },
    partitions: { count },
  });
  const abort = new AbortController();
  const run = (patienceMs: number, isServed = true) => {
    return heal({
      ...{ config, fleet, state, patienceMs, signal: abort.signal },
      isServed: () => Promise.resolve(isServed),
    });
  };
  return { fleet, state, abort, run };
}

Deno.test("healing: it is over when all is in order and even; who has what is kept", async () => {
  const { state, run } = rig([5, 5]);
  state.amiss = "worker-1 is silent";
  const healing = run(10_000);
  state.amiss = undefined;
  await healing;
  assert.deepEqual(state.incidents, []);
  assert.equal(state.sharing!.maxOverMean, 1);
  assert.deepEqual(state.sharing!.shares.map(({ partitions }) => partitions.length), [5, 5]);
});

Deno.test("healing: planted: a group that does not come back, or not evenly, is an incident", async () => {
  const disordered = rig([5, 5]);
  disordered.state.amiss = "worker-1 is silent";
  await disordered.run(20);
  assert.deepEqual(disordered.state.incidents, [
    "within the validation window of 0.02s the group did not heal: worker-1 is silent",
  ]);
  const uneven = rig([8, 2]);
  await uneven.run(20);
  assert.deepEqual(uneven.state.incidents, [
    "within the validation window of 0.02s the load is uneven: worker-0#1 has 1.60 times the mean, " +
    "worker-1#1 0.40 times",
  ]);
});

Deno.test("healing: a group whose server is gone has no fault: nobody can tell", async () => {
  const { state, run } = rig([5, 5]);
  state.amiss = "worker-1 is silent";
  await run(20, false);
  assert.deepEqual(state.incidents, []);
  assert.deepEqual(state.doubts, [
    "no server answers: within the validation window of 0.02s the group did not heal: worker-1 is silent",
  ]);
});

Deno.test("healing: the tolerance is the strategy's, and other strategies promise nothing", async () => {
  const wide = rig([8, 2], { strategy_config: { tolerance: 0.7 } });
  await wide.run(20);
  assert.deepEqual(wide.state.incidents, []);
  const other = rig([8, 2], { assignment_strategy: "ConsistentHash" });
  await other.run(20);
  assert.deepEqual(other.state.incidents, []);
  assert.equal(other.state.sharing!.maxOverMean, 1.6);
});

Deno.test("healing: an interrupted run says nothing of it", async () => {
  const { state, abort, run } = rig([8, 2]);
  abort.abort();
  await run(10_000);
  assert.deepEqual(state.incidents, []);
});
