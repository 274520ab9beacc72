/**
 * Runs seeds of the workload `core`, one after the other, in this process: `deno run --coverage=DIR tasks/dst_closure_runner.ts 200`. What a
 * process has executed is written when it ends by itself, and the children of `deno task dst` do not: their driver ends them.
 *
 * @module
 */
import { coreWorkload } from "../lib/dst/core/workload.ts";
import { runPlan, runSeed } from "../lib/dst/run_plan.ts";

// Taken before a run puts throwing stubs in the place of the globals.
const now = performance.now.bind(performance);

if (import.meta.main) {
  const seeds = Number(Deno.args[0]);
  for (let seed = 1; seed <= seeds; seed++) {
    // Whether it passes is the business of `deno task dst`; here it counts what it has executed.
    await runSeed(coreWorkload, seed, (plan) => runPlan(coreWorkload, plan, { now }));
  }
}
