/** Events of the server that promise to set nothing off keep their promise: where nobody relies on it the runs are the same. */
import assert from "node:assert/strict";
import { runPlan } from "../run_plan.ts";
import { expandPlan } from "../workload.ts";
import { coreWorkload } from "./workload.ts";

const SEEDS = 25;
const now = performance.now.bind(performance);

Deno.test("a run in which no event is believed to be quiet is the same run", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const plan = expandPlan(coreWorkload, seed);
    const believed = await runPlan(coreWorkload, plan, { now });
    const distrusted = await runPlan(coreWorkload, plan, { now, distrustQuiet: true });
    assert.equal(distrusted.hash, believed.hash, `seed ${seed}`);
    assert.deepEqual(distrusted.tallies, believed.tallies, `seed ${seed}`);
  }
});
