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

Deno.test("drain: planted: a message that is lost ends the case soon, is told in numbers, and is something wrong, not something that was not found out", async () => {
  const options = { repetition: 0, quick: true, seed: 1, fault: "loss" } as const;
  const { outcome } = await runCaseOnce(DRAIN_CASE, options);
  assert.deepEqual(outcome.problems, [
    "399 of 400 messages were handled, and no other one within 10000 ms",
  ]);
});
