import assert from "node:assert/strict";
import fc from "fast-check";
import { PartiError } from "../../errors.ts";
import { type JsonObject, orderPlan, type Plan, type PlanStep } from "./plan.ts";
import { formatPlan, parsePlan } from "./plan_json.ts";

const text = fc.string({ minLength: 1, maxLength: 8 });
// JSON has no −0, and objects of JSON have no `__proto__` that is worth keeping.
const name = text.filter((value) => value !== "__proto__");
const args = fc.dictionary(name, fc.jsonValue({ maxDepth: 2, noUnicodeString: true }))
  .map((value): JsonObject =>
    JSON.parse(JSON.stringify(value, (key, inner) => {
      return key === "__proto__" ? undefined : inner;
    }))
  );
const atMs = fc.double({ min: 0, max: 1e7, noNaN: true }).map((value) => value === 0 ? 0 : value);
const steps = (prefix: string) =>
  fc.array(fc.record({ atMs, kind: text, args }), { maxLength: 5 })
    .map((list) => list.map((one, index): PlanStep => ({ id: `${prefix}-${index}`, ...one })));
const plans: fc.Arbitrary<Plan> = fc.record({
  version: fc.constant(1 as const),
  workload: text,
  seed: fc.maxSafeNat(),
  parameters: args,
  operations: steps("op"),
  faults: steps("fault"),
  buggify: fc.dictionary(name, fc.boolean(), { noNullPrototype: true }),
  swarm: fc.dictionary(name, fc.boolean(), { noNullPrototype: true }),
});

Deno.test("a plan that is written is read again, its steps in order", () => {
  fc.assert(fc.property(plans, (plan) => {
    assert.deepEqual(parsePlan(formatPlan(plan), "x"), orderPlan(plan));
  }));
});

Deno.test("a torn plan is refused, wherever it is torn", () => {
  const plan = fc.sample(plans, { numRuns: 1, seed: 1 })[0]!;
  const whole = formatPlan({ ...plan, operations: [step("op-1"), step("op-2")] });
  for (let length = 0; length < whole.trimEnd().length; length++) {
    assert.throws(() => parsePlan(whole.slice(0, length), "torn.json"), (error) => {
      assert.ok(error instanceof PartiError);
      assert.equal(error.code, "PARTI_INVALID_CONFIG");
      assert.match(error.message, /^torn\.json is not a plan: (it ends|it is)/);
      return true;
    });
  }
});

const step = (id: string) => ({ id, atMs: 0, kind: "do", args: {} });
const good: Plan = {
  version: 1,
  workload: "toy",
  seed: 1,
  parameters: {},
  operations: [],
  faults: [],
  buggify: {},
  swarm: {},
};

const foreign: [string, unknown, RegExp][] = [
  ["a list", [], /must be an object with version/],
  ["another version", { ...good, version: 2 }, /version must be 1: this version reads no other/],
  ["no workload", { ...good, workload: "" }, /workload must be a text that is not empty/],
  ["a seed that is none", { ...good, seed: 1.5 }, /seed must be a whole number/],
  ["a negative seed", { ...good, seed: -1 }, /seed must be ≥ 0/],
  ["more than a plan", { ...good, name: "x", a: 1 }, /: must be an object.*, without name, a$/],
  ["no whole seed", { ...good, seed: -1.5 }, /: seed must be a whole number$/],
  ["steps that are none", { ...good, faults: [{ at: 1 }] }, /faults\.0\.id must be a text/],
  ["a step in the past", {
    ...good,
    operations: [{ ...step("a"), atMs: -1 }],
  }, /operations\.0\.atMs must be milliseconds ≥ 0/],
  ["one id twice", { ...good, operations: [step("a")], faults: [step("a")] }, /have the id "a"/],
  ["a switch that is none", { ...good, swarm: { crash: 1 } }, /swarm\.crash must be true or false/],
  ["somebody's package.json", { name: "x", scripts: {} }, /version must be 1.*and 4 more$/],
];
for (const [what, value, message] of foreign) {
  Deno.test(`what is not a plan is refused with a reason: ${what}`, () => {
    assert.throws(() => parsePlan(JSON.stringify(value), "x.json"), (error) => {
      assert.ok(error instanceof PartiError);
      assert.match(error.message, message);
      assert.match(error.message, /^x\.json is not a plan: /);
      return true;
    });
  });
}

Deno.test("what is not JSON is refused", () => {
  assert.throws(() => parsePlan("seed: 1\n", "x.yaml"), /x\.yaml is not a plan: it is not JSON/);
});
