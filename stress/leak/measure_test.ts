import assert from "node:assert/strict";
import { CATALOG } from "../registry.ts";
import { runCaseOnce } from "../child/run_case.ts";

const churn = CATALOG.cases.find(({ group }) => group === "leak")!;
const options = { repetition: 0, quick: true, seed: 1, durationMs: 25_000 };

Deno.test("leak: planted: half a megabyte for each worker that came and went is found", async () => {
  const { outcome } = await runCaseOnce(churn, { ...options, fault: "leak" });
  assert.equal(outcome.problems!.length, 1, JSON.stringify(outcome.samples));
  assert.match(outcome.problems![0]!, /^the heap grows by \d+\.\d+ MB per minute/);
});
