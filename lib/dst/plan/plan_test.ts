import assert from "node:assert/strict";
import { describePlan, inOrder, type Plan, type PlanStep } from "./plan.ts";
import { drawsOf } from "../workload.ts";
import { drawSwarm } from "./swarm.ts";

const step = (id: string, atMs: number, args = {}): PlanStep => ({ id, atMs, kind: "do", args });

Deno.test("steps are ordered by time, then by id", () => {
  const steps = [step("c", 2), step("b", 1), step("a", 2), step("d", 0)];
  assert.deepEqual(inOrder(steps).map(({ id }) => id), ["d", "b", "a", "c"]);
});

Deno.test("a plan is one readable line per step, in order of time", () => {
  const plan: Plan = {
    version: 1,
    workload: "toy",
    seed: 7,
    parameters: { nodes: 3 },
    operations: [step("op-10", 1_500.25, { key: "a" })],
    faults: [step("f-1", 20)],
    buggify: { late: true },
    swarm: { pause: false, crash: true },
  };
  assert.deepEqual(describePlan(plan), [
    "plan for toy, seed 7: 1 operations, 1 faults",
    'parameters  {"nodes":3}',
    "families    crash on, pause off",
    "buggify     late on",
    "        20.000 ms  fault      f-1    do",
    '      1500.250 ms  operation  op-10  do {"key":"a"}',
  ]);
});

Deno.test("swarm: each family is on in about half of the seeds, alone and with each other", () => {
  const families = ["crash", "pause", "network"];
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 1_600; seed++) {
    const swarm = drawSwarm(drawsOf(seed), families);
    const key = families.map((family) => swarm[family] ? "1" : "0").join("");
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  // All eight combinations, all on and all off among them, each in about an eighth of the seeds.
  assert.equal(seen.size, 8);
  for (const [key, count] of seen) assert.ok(count > 140 && count < 260, `${key}: ${count}`);
});

Deno.test("swarm: another family changes nothing", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { crash } = drawSwarm(drawsOf(seed), ["crash"]);
    assert.equal(drawSwarm(drawsOf(seed), ["pause", "crash", "network"])["crash"], crash);
  }
});
