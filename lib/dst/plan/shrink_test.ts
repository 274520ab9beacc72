import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import { isSameFailure, type RunResult } from "../run_plan.ts";
import type { Plan, PlanStep } from "./plan.ts";
import { shrink, type ShrinkOptions } from "./shrink.ts";

const steps = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index): PlanStep => ({
    id: `${prefix}-${index}`,
    atMs: index,
    kind: "do",
    args: {},
  }));

const plan: Plan = {
  version: 1,
  workload: "fake",
  seed: 1,
  parameters: { nodes: 9 },
  operations: steps("op", 30),
  faults: steps("fault", 12),
  buggify: {},
  swarm: {},
};

const SAME = { kind: "assertion", check: "whole", message: "" } as const;

/** What a run of a fake plan says: it fails if this returns a check. */
type Checks = (has: (id: string) => boolean, plan: Plan) => string | undefined;

function fake(check: Checks, sites: readonly string[] = [], failsAtMs = 1_000) {
  const ran: Plan[] = [];
  const run = (plan: Plan): Promise<RunResult> => {
    ran.push(plan);
    const ids = new Set([...plan.operations, ...plan.faults].map(({ id }) => id));
    const failed = check((id) => ids.has(id), plan);
    const failure = { message: "", atMs: failsAtMs, stack: "", recent: [] };
    return Promise.resolve({
      workload: plan.workload,
      seed: plan.seed,
      verdict: failed === undefined ? "pass" : "fail",
      failure: failed === undefined ? null : { kind: "assertion", check: failed, ...failure },
      hash: "",
      checkpoints: [],
      events: 0,
      virtualMs: 0,
      wallMs: 0,
      tallies: {},
      sites: Object.fromEntries(
        sites.map((site) => [
          site,
          { active: plan.buggify[site] ?? true, calls: 1, fired: 0 },
        ]),
      ),
    });
  };
  return { ran, run };
}

function options(run: ShrinkOptions["run"], more: Partial<ShrinkOptions> = {}): ShrinkOptions {
  return { plan, failure: SAME, run, now: () => 0, maxRuns: 1_000, maxMs: 1_000, ...more };
}

const idsOf = (steps: readonly PlanStep[]) => steps.map(({ id }) => id);

Deno.test("what the failure needs is left", async () => {
  const { ran, run } = fake((has) =>
    has("op-7") && has("op-21") && has("fault-3") ? "whole" : undefined
  );
  const shrunk = await shrink(options(run));
  assert.deepEqual(idsOf(shrunk.plan.operations), ["op-7", "op-21"]);
  assert.deepEqual(idsOf(shrunk.plan.faults), ["fault-3"]);
  assert.deepEqual([shrunk.reproduced, shrunk.complete, shrunk.runs], [true, true, ran.length]);
  assert.equal(shrunk.result.failure?.check, "whole");
});

Deno.test("what was to come after the failure is left out at once", async () => {
  const { ran, run } = fake((has) => has("op-3") ? "whole" : undefined, [], 5);
  await shrink(options(run));
  assert.deepEqual(idsOf(ran[1]!.operations), ["op-0", "op-1", "op-2", "op-3", "op-4", "op-5"]);
  assert.equal(ran[1]!.faults.length, 6);
});

Deno.test("a fault that can go only once operations have gone does go", async () => {
  const { run } = fake((has) =>
    has("op-1") && (has("fault-2") || !has("op-9")) ? "whole" : undefined
  );
  const shrunk = await shrink(options(run));
  assert.deepEqual([idsOf(shrunk.plan.operations), shrunk.plan.faults], [["op-1"], []]);
});

Deno.test("another failure is not taken for this one", async () => {
  const { run } = fake((has) => has("op-3") ? "whole" : has("op-4") ? "other" : undefined);
  assert.deepEqual(idsOf((await shrink(options(run))).plan.operations), ["op-3"]);
});

Deno.test("a crash is the same only if it says the same, numbers and names of instances aside", () => {
  const crash = (message: string) => ({ kind: "crash", check: "work", message }) as const;
  const id = "0e42190e-3183-522d-70ac-1d183d241958";
  assert.ok(isSameFailure(crash(`no lane 3 of ${id}`), crash("no lane 17 of 5f0e42aa-1")));
  assert.ok(!isSameFailure(crash("the subtle bug"), crash("quite another bug")));
  // An assertion is the same whatever it saw.
  assert.ok(isSameFailure(SAME, { ...SAME, message: "p1 waits" }));
  assert.ok(!isSameFailure(SAME, null));
});

Deno.test("a plan that does not fail this way is returned as it was", async () => {
  const { ran, run } = fake(() => "other");
  const shrunk = await shrink(options(run));
  assert.equal(shrunk.reproduced, false);
  assert.deepEqual(shrunk.plan, plan);
  assert.equal(ran.length, 1);
});

Deno.test("simpler plans of the workload are accepted one after another", async () => {
  const { run } = fake((_, { parameters }) =>
    Number(parameters["nodes"]) >= 3 ? "whole" : undefined
  );
  const shrunk = await shrink(options(run, {
    *simplify(plan) {
      const nodes = Number(plan.parameters["nodes"]) - 1;
      yield { what: `${nodes} nodes`, plan: { ...plan, parameters: { nodes } } };
    },
  }));
  assert.deepEqual(shrunk.plan.parameters, { nodes: 3 });
  assert.equal(shrunk.simplifications.at(-1), "3 nodes");
});

Deno.test("sites are switched off, all or those that are not needed", async () => {
  const sites = ["late", "early", "twice"];
  const none = await shrink(options(fake(() => "whole", sites).run));
  assert.deepEqual(none.plan.buggify, { late: false, early: false, twice: false });
  assert.deepEqual(none.simplifications, ["all buggify sites off"]);
  const { run } = fake((_, { buggify }) => buggify["early"] !== false ? "whole" : undefined, sites);
  assert.deepEqual((await shrink(options(run))).plan.buggify, {
    late: false,
    early: true,
    twice: false,
  });
});

Deno.test("simplifications that go in a circle end", async () => {
  const { ran, run } = fake(() => "whole");
  const shrunk = await shrink(options(run, {
    *simplify(plan) {
      const nodes = (Number(plan.parameters["nodes"]) + 1) % 5;
      yield { what: "others", plan: { ...plan, parameters: { nodes } } };
    },
  }));
  assert.equal(shrunk.complete, true);
  assert.ok(ran.length < 20);
});

Deno.test("no plan is run twice", async () => {
  const { ran, run } = fake((has) =>
    has("op-1") && has("op-2") && has("fault-1") ? "whole" : undefined
  );
  await shrink(options(run));
  const texts = ran.map((plan) => JSON.stringify(plan));
  assert.equal(new Set(texts).size, texts.length);
});

Deno.test("where much is left it is tried with other luck", async () => {
  // Rare luck takes more seeds than there are at first.
  for (const chance of [0.3, 0.005]) {
    const isLucky = ({ seed, operations }: Plan) => {
      const count = operations.length;
      return seed === plan.seed ? count === 30 : new Draws(seed, "luck", `${count}`).chance(chance);
    };
    const { run } = fake((has, plan) => has("op-7") && isLucky(plan) ? "whole" : undefined);
    const shrunk = await shrink(options(run, { maxRuns: 10_000 }));
    assert.deepEqual(idsOf(shrunk.plan.operations), ["op-7"]);
    assert.notEqual(shrunk.plan.seed, plan.seed);
    assert.equal(shrunk.simplifications.at(-1), `seed ${shrunk.plan.seed}`);
  }
});

Deno.test("what can be understood keeps its seed", async () => {
  const { ran, run } = fake((has) =>
    steps("op", 10).every(({ id }) => has(id)) ? "whole" : undefined
  );
  const shrunk = await shrink(options(run));
  assert.equal(shrunk.plan.operations.length, 10);
  assert.ok(ran.every(({ seed }) => seed === plan.seed));
});

Deno.test("the budget of runs is kept", async () => {
  const { ran, run } = fake((has) => has("op-1") && has("op-29") ? "whole" : undefined);
  const shrunk = await shrink(options(run, { maxRuns: 6 }));
  assert.deepEqual([ran.length, shrunk.runs, shrunk.complete], [6, 6, false]);
  assert.equal(shrunk.result.failure?.check, "whole");
});

Deno.test("the budget of time is kept, and progress told", async () => {
  const { ran, run } = fake((has) => has("op-1") ? "whole" : undefined);
  const progress: number[] = [];
  const shrunk = await shrink(options(run, {
    now: () => ran.length * 10,
    maxMs: 50,
    onProgress: ({ operations }) => void progress.push(operations),
  }));
  assert.equal(shrunk.complete, false);
  assert.equal(ran.length, 5);
  assert.equal(progress.at(-1), shrunk.plan.operations.length);
});
