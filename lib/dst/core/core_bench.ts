/**
 * How fast whole groups are, with hashing and invariants on, in one process: `deno run -A lib/dst/core/core_bench.ts`. Each line is the
 * median of some runs of one group that nothing happens to but load: it is started, has five messages per second, and is stopped.
 *
 * A good part of the events of a group at rest are probes, by which a death is noticed within a third of a second; so each size is
 * shown with the default configuration and with rare probes. `deno run -A lib/dst/core/core_bench.ts 20` measures one size only.
 *
 * @module
 */
import { drawsOf, expandPlan } from "../workload.ts";
import type { JsonObject, Plan } from "../plan/plan.ts";
import { runPlan, type RunResult } from "../run_plan.ts";
import { coreWorkload } from "./workload.ts";

const SEED = 1;
/** Long enough that start and stop do not weigh. */
const LOAD_MS = 600_000;
const RUNS = 7;
/** The first runs compile, and are compiled better with each. A campaign of seeds has thousands of them. */
const WARM_UPS = 3;
const RARELY = { probe: { interval: 5_000 } };

/** A group of so many workers to which nothing happens. */
function planOf(workers: number, config: JsonObject): Plan {
  const start = drawsOf(SEED)("start");
  return {
    ...expandPlan(coreWorkload, SEED),
    parameters: {
      ...{ version: "2.15.1", workers, maxWorkers: workers, partitions: 10 * workers },
      ...{ ratePerSecond: 5, workMinMs: 0, workMaxMs: 5, loadMs: LOAD_MS, preset: "default" },
      ...{ config, latencyMaxMs: 0.5, slowChance: 0, drift: 0.0001 },
    },
    operations: Array.from({ length: workers }, (_, node) => ({
      id: `start-${node}`,
      atMs: start.between(0, 300),
      kind: "start",
      args: { node },
    })),
    faults: [],
    buggify: {},
    swarm: { buggify: false },
  };
}

async function measure(plan: Plan, now: () => number): Promise<RunResult> {
  for (let run = 0; run < WARM_UPS; run++) await runPlan(coreWorkload, plan, { now });
  const results: RunResult[] = [];
  for (let run = 0; run < RUNS; run++) results.push(await runPlan(coreWorkload, plan, { now }));
  const failed = results.find(({ failure }) => failure !== null);
  if (failed !== undefined) throw new Error(`${failed.failure?.check}: ${failed.failure?.message}`);
  return results.toSorted((a, b) => a.wallMs - b.wallMs)[RUNS >> 1]!;
}

if (import.meta.main) {
  // Taken before a run puts a stub in its place.
  const now = performance.now.bind(performance);
  const sizes = Deno.args.length > 0 ? Deno.args.map(Number) : [5, 20, 100];
  for (const workers of sizes) {
    for (const [name, config] of [["default", {}], ["rare probes", RARELY]] as const) {
      const { events, wallMs, virtualMs } = await measure(planOf(workers, config), now);
      const perSecond = Math.round(events / wallMs * 1_000).toLocaleString("en");
      const times = Math.round(virtualMs / wallMs).toLocaleString("en");
      const perVirtualSecond = Math.round(events / virtualMs * 1_000).toLocaleString("en");
      // deno-lint-ignore no-console -- a bench is there to print.
      console.log(
        `${workers} workers, ${name}: ${perSecond} events/s, ${times} × real time, ${perVirtualSecond} events per virtual second`,
      );
    }
  }
}
