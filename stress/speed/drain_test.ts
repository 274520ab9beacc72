import assert from "node:assert/strict";
import { runCaseOnce } from "../child/run_case.ts";
import { DRAIN_CASE } from "./drain.ts";

Deno.test("drain: all three ways drain a backlog, and each figure has its limit", async () => {
  const { outcome } = await runCaseOnce(DRAIN_CASE, { repetition: 0, quick: true, seed: 1 });
  assert.deepEqual(outcome.samples.map(({ metric }) => metric), ["drain", "overSingle", "single"]);
  for (const { metric, value, limit } of outcome.samples) {
    assert.ok(value > 0 && limit! > 0, `${metric}: ${value} beside ${limit}`);
  }
});
