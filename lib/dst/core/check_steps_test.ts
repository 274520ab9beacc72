import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import type { Plan } from "../plan/plan.ts";
import { expandPlan } from "../workload.ts";
import { checkCorePlan } from "./check_steps.ts";
import { coreWorkload } from "./workload.ts";

const plan = expandPlan(coreWorkload, 1);

function refusal(changed: Partial<Plan>): string {
  try {
    checkCorePlan({ ...plan, operations: [], faults: [], ...changed });
  } catch (error) {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"), String(error));
    return error.message;
  }
  return "";
}

Deno.test("every plan that is made of a seed is one", () => {
  for (let seed = 0; seed < 1_000; seed++) checkCorePlan(expandPlan(coreWorkload, seed));
});

Deno.test("what a plan may not contain is refused by name", () => {
  const step = (kind: string, args: Plan["faults"][number]["args"]) => ({
    faults: [{ id: "x", atMs: 0, kind, args }],
  });
  assert.equal(refusal(step("crash", { node: 1 })), "");
  assert.match(refusal(step("crsh", { node: 1 })), /step x: there is no kind "crsh"/);
  assert.match(refusal(step("constructor", {})), /no kind/);
  assert.match(refusal(step("pause", { nod: 1, forMs: 1 })), /step x \(pause\): .*nod/);
  assert.match(refusal(step("crash", { node: 770 })), /node/);
  assert.equal(refusal(step("nats-faults", { forMs: 1, faults: { kv: { ackLost: 0.5 } } })), "");
  assert.match(refusal(step("nats-faults", { forMs: 1, faults: { kv: { akLost: 1 } } })), /akLost/);
  assert.match(
    refusal(step("nats-faults", { forMs: 1, faults: { kv: { ackLost: 2 } } })),
    /kv.ack/,
  );
  assert.match(refusal(step("nats-faults", { forMs: 1 })), /faults/);
  assert.match(refusal(step("split", { share: 0.5, forMs: 1 })), /nodes/);
  assert.match(refusal({ parameters: { ...plan.parameters, workers: "five" } }), /workers/);
  assert.match(refusal({ buggify: { "look-fail": true } }), /no buggify site "look-fail"/);
  assert.match(refusal({ swarm: { crashes: false } }), /no family "crashes"/);
});
