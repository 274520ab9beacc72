/**
 * Five workers that start in the same instant, over and over: who is first depends on the latency of each message, and on each clock.
 */
import assert from "node:assert/strict";
import type { Plan } from "../plan/plan.ts";
import { runPlan } from "../run_plan.ts";
import { expandPlan } from "../workload.ts";
import { coreWorkload } from "./workload.ts";

const SEEDS = 1_000;
const WORKERS = 5;

/** Nothing happens to them: only the race itself differs from seed to seed. */
function planOf(seed: number): Plan {
  const version = seed % 2 === 0 ? "2.15.1" : "2.10.27";
  return {
    ...expandPlan(coreWorkload, seed),
    parameters: {
      ...{ version, workers: WORKERS, maxWorkers: WORKERS, partitions: 6, ratePerSecond: 2 },
      ...{ workMinMs: 0, workMaxMs: 5, loadMs: 1_000, preset: "fast" },
      // Most events of a group at rest are probes, and here nobody dies.
      config: { probe: { interval: 5_000 } },
      ...{ latencyMaxMs: seed % 3 === 0 ? 40 : 5, slowChance: 0.01, drift: 0.005 },
    },
    operations: Array.from({ length: WORKERS }, (_, node) => ({
      id: `start-${node}`,
      atMs: 0,
      kind: "start",
      args: { node },
    })),
    faults: [],
    buggify: {},
    swarm: { buggify: false },
  };
}

Deno.test("row 49: five start in the same instant, 1,000 seeds: one leader at a time, all Stable, all owned once", async () => {
  const now = performance.now.bind(performance);
  const hashes = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure, hash } = await runPlan(coreWorkload, planOf(seed), { now });
    assert.equal(failure, null, `seed ${seed}: ${failure?.check}: ${failure?.message}`);
    hashes.add(hash);
  }
  assert.equal(hashes.size, SEEDS, "each race is another one");
});
