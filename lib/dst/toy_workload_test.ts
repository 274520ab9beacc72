import assert from "node:assert/strict";
import { isCovered } from "./assertions/judge.ts";
import { formatPlan, parsePlan } from "./plan/plan_json.ts";
import { shrink } from "./plan/shrink.ts";
import { isSameFailure, runPlan, type RunResult, runSeed, runTwice } from "./run_plan.ts";
import { emptySummary, mergeSummaries, summarise } from "./summary.ts";
import { type ToyBug, toyWorkload } from "./toy_register_test.ts";
import { type AnyWorkload, expandPlan, playSteps } from "./workload.ts";

const now = performance.now.bind(performance);
const options = { now };

async function firstFailing(workload: AnyWorkload, most: number): Promise<RunResult> {
  for (let seed = 0; seed < most; seed++) {
    const result = await runPlan(workload, expandPlan(workload, seed), options);
    if (result.verdict === "fail") return result;
  }
  throw new Error(`${workload.name} did not fail in ${most} seeds`);
}

/** What is the same in every run of one plan: all but the real time. */
function same(result: RunResult): Omit<RunResult, "wallMs"> {
  const { wallMs: _, ...rest } = result;
  return rest;
}

Deno.test("the toy without a defect passes, and reaches all that it declares", async () => {
  const workload = toyWorkload("none");
  const { assertions } = workload;
  let summary = emptySummary(assertions);
  for (let seed = 0; seed < 150; seed++) {
    const result = await runPlan(workload, expandPlan(workload, seed), options);
    assert.equal(result.failure, null);
    summary = mergeSummaries(assertions, summary, summarise(assertions, result));
  }
  assert.deepEqual([summary.runs, summary.failed], [150, 0]);
  assert.ok(isCovered(assertions, summary.tallies));
  assert.ok(summary.sites["slow write"]!.fired > 0);
  assert.ok(summary.virtualMs > 0 && summary.events > 1_000);
});

Deno.test("the same seed is the same run, also from the plan in a file", async () => {
  const workload = toyWorkload("none");
  for (let seed = 0; seed < 20; seed++) {
    const plan = expandPlan(workload, seed);
    const first = same(await runPlan(workload, plan, options));
    assert.deepEqual(same(await runPlan(workload, expandPlan(workload, seed), options)), first);
    const loaded = parsePlan(formatPlan(plan), "plan.json");
    assert.deepEqual(same(await runPlan(workload, loaded, options)), first);
  }
});

Deno.test("a result is plain data", async () => {
  const workload = toyWorkload("blind-put");
  const result = await runPlan(workload, expandPlan(workload, 1), options);
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
});

Deno.test("steps that are left out change nothing about those that stay", async () => {
  const workload = toyWorkload("none");
  const plan = expandPlan(workload, 3);
  const kept = plan.operations[0]!;
  const trace = async (operations: typeof plan.operations) => {
    const times: number[] = [];
    const onTrace = (record: { owner: string; atMs: number }) => {
      if (record.owner === `client-${kept.args["client"]}#1`) times.push(record.atMs);
    };
    await runPlan(workload, { ...plan, faults: [], operations }, { now, onTrace });
    return times.slice(0, 2);
  };
  const others = plan.operations.filter(({ args }) => args["client"] !== kept.args["client"]);
  assert.deepEqual(await trace([kept, ...others]), await trace([kept]));
});

/** The defects that a plan can show, what they are told by, and the least that shows them. */
const planted: [ToyBug, string, string, number, number][] = [
  ["blind-put", "assertion", "no lost update", 2, 0],
  ["blind-retry", "assertion", "no double update", 1, 1],
  ["deadlock", "deadlock", "deadlock", 0, 0],
  ["escape", "escape", "Date.now", 0, 0],
  ["rejection", "crash", "unhandled rejection", 0, 0],
];

for (const [bug, kind, check, operations, faults] of planted) {
  Deno.test(`${bug} is found, replayed and shrunk to the least`, async () => {
    const workload = toyWorkload(bug);
    const found = await firstFailing(workload, 20);
    assert.deepEqual([found.failure?.kind, found.failure?.check], [kind, check]);
    const plan = expandPlan(workload, found.seed);
    assert.deepEqual(same(await runPlan(workload, plan, options)), same(found));
    const shrunk = await shrink({
      plan,
      failure: found.failure!,
      run: (plan) => runPlan(workload, plan, options),
      simplify: (plan) => workload.simplify!(plan),
      now,
      maxRuns: 500,
      maxMs: 60_000,
    });
    assert.deepEqual([shrunk.plan.operations.length, shrunk.plan.faults.length], [
      operations,
      faults,
    ]);
    assert.deepEqual([shrunk.reproduced, shrunk.complete], [true, true]);
    assert.equal(shrunk.plan.parameters["clients"], 2);
    assert.ok(Object.values(shrunk.plan.buggify).every((active) => !active));
    // What comes out is what the file says, and it fails by itself.
    const loaded = parsePlan(formatPlan(shrunk.plan), "small.json");
    const again = await runPlan(workload, loaded, options);
    assert.ok(isSameFailure(again.failure, found.failure));
    assert.equal(again.hash, shrunk.result.hash);
  });
}

Deno.test("a deadlock is told with what is waited for", async () => {
  const { failure } = await firstFailing(toyWorkload("deadlock"), 1);
  assert.match(failure!.message, /these wait: godot/);
});

Deno.test("a livelock ends the run", async () => {
  const { failure } = await firstFailing(toyWorkload("livelock"), 1);
  assert.equal(failure?.kind, "livelock");
});

Deno.test("an entropy leak passes once, and is found by a second run", async () => {
  const workload = toyWorkload("entropy");
  const plan = expandPlan(workload, 1);
  assert.equal((await runPlan(workload, plan, options)).verdict, "pass");
  const traced: number[] = [];
  const onTrace = ({ index }: { index: number }) => void traced.push(index);
  const { verdict, failure } = await runTwice(workload, plan, { now, onTrace });
  assert.deepEqual([verdict, failure?.kind], ["fail", "divergence"]);
  // The trace is that of the first run alone.
  assert.deepEqual(traced, traced.map((_, index) => index));
  const good = toyWorkload("none");
  assert.equal((await runTwice(good, expandPlan(good, 1), options)).failure, null);
});

Deno.test("two runs with one trace that assert something else are told apart", async () => {
  let runs = 0;
  const good = toyWorkload("none");
  const workload: AnyWorkload = {
    ...good,
    run: async (simulation, plan) => {
      await good.run(simulation, plan);
      // Everything that is declared can be used by name; a workload's own type of the catalog is not known here.
      const reachable = simulation.assertions.reachable.bind(simulation.assertions);
      if (runs++ === 1) reachable("lost acknowledgement" as never);
    },
  };
  const { failure } = await runTwice(workload, expandPlan(workload, 1), options);
  assert.equal(failure?.kind, "divergence");
  assert.match(failure!.message, /the traces are the same, but/);
});

Deno.test("a step that throws ends the run, whatever the others do", async () => {
  const workload: AnyWorkload = {
    ...toyWorkload("none"),
    run: async (simulation, plan) => {
      const played: string[] = [];
      await playSteps(simulation, plan.operations, (step) => {
        played.push(step.id);
        if (played.length === 3) throw new Error(`cannot ${step.kind}`);
        return simulation.kernel.sleep(1_000);
      });
    },
  };
  const { failure, virtualMs } = await runPlan(workload, expandPlan(workload, 1), options);
  assert.deepEqual([failure?.kind, failure?.check], ["crash", "work"]);
  assert.equal(failure?.message, "cannot increment");
  assert.match(failure!.stack, /toy_workload_test\.ts/);
  assert.ok(virtualMs < 200);
});

Deno.test("a seed of which no plan can be made has failed", async () => {
  const workload: AnyWorkload = {
    ...toyWorkload("none"),
    expand: () => {
      throw new Error("no idea");
    },
  };
  const run = () => Promise.reject(new Error("not to be called"));
  const { verdict, failure } = await runSeed(workload, 4, run);
  assert.deepEqual([verdict, failure?.kind, failure?.check], ["fail", "crash", "expand"]);
  assert.match(failure!.message, /no idea/);
});

Deno.test("a plan that does not follow from the seed is no plan, in a run and for a file alike", async () => {
  let calls = 0;
  /** What is at work, and what it is found by. */
  const sources: [() => number, string, RegExp][] = [
    [() => Math.random(), "escape", /^Math\.random: the world outside was used/],
    [() => swallowed(() => Date.now()), "escape", /^Date\.now: the world outside was used/],
    [() => calls++, "divergence", /^two plans of one seed: /],
  ];
  for (const [source, kind, message] of sources) {
    const workload: AnyWorkload = {
      ...toyWorkload("none"),
      expand: () => ({
        parameters: { n: source() },
        operations: [],
        faults: [],
        buggify: {},
        swarm: {},
      }),
    };
    const { failure } = await runSeed(workload, 9, (plan) => runPlan(workload, plan, options));
    assert.deepEqual([failure?.kind, failure?.check], [kind, "expand"]);
    assert.match(failure?.message ?? "", message);
    assert.throws(() => expandPlan(workload, 9), { kind });
  }
  assert.ok(Date.now() > 0, "the ways out are open again");
});

function swallowed(act: () => number): number {
  try {
    return act();
  } catch {
    return 0;
  }
}

Deno.test("what is expanded is checked like a file", () => {
  const step = { id: "a", atMs: 0, kind: "increment", args: { client: 1 } };
  const workload: AnyWorkload = {
    ...toyWorkload("none"),
    expand: () => ({
      parameters: {},
      operations: [step, step],
      faults: [],
      buggify: {},
      swarm: {},
    }),
  };
  assert.throws(
    () => expandPlan(workload, 9),
    /what toy-none makes of seed 9 is not a plan: two steps have the id "a"/,
  );
});
