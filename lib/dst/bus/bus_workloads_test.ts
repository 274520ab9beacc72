/** The phases of the bus: what they show, and that they show it. */
import assert from "node:assert/strict";
import { judge } from "../assertions/judge.ts";
import { asMerged, mergeTallies } from "../assertions/tally.ts";
import { runPlan, type RunResult, runSeed, runTwice } from "../run_plan.ts";
import { type AnyWorkload, expandPlan } from "../workload.ts";
import { chaosWorkload } from "./actor_workloads.ts";
import { networkWorkload } from "./network_workload.ts";
import { pairWorkload } from "./pair_workload.ts";
import { stormWorkload } from "./storm_workload.ts";
import { BUS_WORKLOADS } from "./workloads.ts";

const now = () => performance.now();
const SEEDS = 10;

async function runMany(workload: AnyWorkload, seeds = SEEDS): Promise<RunResult[]> {
  const results: RunResult[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    results.push(await runSeed(workload, seed, (plan) => runPlan(workload, plan, { now })));
  }
  return results;
}

/** The verdict of each assertion over many runs. */
function verdicts(workload: AnyWorkload, results: readonly RunResult[]): Record<string, string> {
  const { assertions } = workload;
  const merged = results.map(({ seed, tallies }) => asMerged(assertions, seed, tallies))
    .reduce((a, b) => mergeTallies(assertions, a, b));
  return Object.fromEntries(judge(assertions, merged).map(({ name, verdict }) => [name, verdict]));
}

for (const workload of BUS_WORKLOADS) {
  Deno.test(`${workload.name}: three seeds pass, and each is the same a second time`, async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const result = await runSeed(workload, seed, (plan) => runTwice(workload, plan, { now }));
      assert.equal(result.failure, null, JSON.stringify(result.failure));
    }
  });
}

Deno.test("phase 1: ten seeds pass, all is reached, and no deadlock is told", async () => {
  const results = await runMany(pairWorkload);
  assert.deepEqual(results.map(({ failure }) => failure), Array(SEEDS).fill(null));
  const missed = Object.entries(verdicts(pairWorkload, results)).filter(([, v]) => v !== "pass");
  assert.deepEqual(missed, []);
});

Deno.test("phase 1: with delivery off a call is sent and nothing comes back, and both are told as missed", async () => {
  const plan = expandPlan(pairWorkload, 1);
  const deaf = { ...plan, parameters: { ...plan.parameters, delivers: false } };
  const result = await runPlan(pairWorkload, deaf, { now });
  assert.equal(result.failure, null, JSON.stringify(result.failure));
  const told = verdicts(pairWorkload, [result]);
  assert.deepEqual(
    ["request_sent", "response_received", "callback_completed"].map((name) => told[name]),
    ["pass", "miss", "miss"],
  );
});

Deno.test("each place of the send path that may misbehave does in some runs and not in others", async () => {
  const network = await runMany(networkWorkload, 30);
  assert.equal(verdicts(networkWorkload, network)["places that misbehave"], "pass");
  const results = [...await runMany(pairWorkload), ...network];
  for (const site of ["bus-send-late", "bus-answer-late", "bus-send-fails"]) {
    const active = results.map(({ sites }) => sites[site]?.active ?? false);
    assert.ok(active.includes(true) && active.includes(false), site);
    assert.ok(results.some(({ sites }) => (sites[site]?.fired ?? 0) > 0), site);
  }
});

Deno.test("phase 3: a run makes a thousand calls, a hundred of them in one instant", async () => {
  const [result] = await runMany(stormWorkload, 1);
  assert.ok((result!.tallies["calls in flight"]?.watermark ?? 0) >= 100);
  assert.ok((result!.tallies["calls in a run"]?.watermark ?? 0) >= 1_000);
});

Deno.test("phase 5: a plan has a thousand operations on a hundred actors of five nodes", () => {
  const { operations, parameters } = expandPlan(chaosWorkload, 1);
  assert.equal(operations.length, 1_000);
  assert.deepEqual([parameters["nodes"], parameters["actors"]], [5, 100]);
});
