import assert from "node:assert/strict";
import { CATALOG } from "../registry.ts";
import { runCaseOnce } from "../child/run_case.ts";
import { judgeLeak, WATCHED } from "./judge.ts";
import { samplesOf } from "./measure.ts";

const churn = CATALOG.cases.find(({ group }) => group === "leak")!;
const options = { repetition: 0, quick: true, seed: 1, durationMs: 25_000 };
/** What is counted, and buffers, hardly scatter: that they grow shows at once. */
const SHORT_MS = 10_000;

Deno.test("leak: planted: half a megabyte for each worker that came and went is found", async () => {
  const { outcome } = await runCaseOnce(churn, { ...options, fault: "leak" });
  // In ten seconds on a busy machine handles may seem to grow, too; that is not what was planted.
  const heap = outcome.problems!.filter((what) => /^the heap grows by \d+\.\d+ MB/.test(what));
  assert.equal(heap.length, 1, JSON.stringify(outcome.samples));
});

const KINDS = [
  ["leak-external", "the memory of buffers outside of the heap"],
  ["leak-timers", "the number of pending timers"],
  ["leak-sockets", "the number of connections"],
  ["leak-subscriptions", "the number of subscriptions"],
  ["leak-consumers", "the number of consumers"],
] as const;

for (const [fault, what] of KINDS) {
  Deno.test(`leak: planted: ${fault} is found and named`, async () => {
    const { outcome } = await runCaseOnce(churn, { ...options, durationMs: SHORT_MS, fault });
    const { problems = [], samples } = outcome;
    assert.ok(
      problems.some((problem) => problem.startsWith(`${what} grows by`)),
      JSON.stringify([problems, samples]),
    );
  });
}

Deno.test("leak: planted: one of a hundred partitions that nobody consumes is told, and ends the run", async () => {
  const { outcome } = await runCaseOnce(churn, { ...options, fault: "starve" });
  const told = outcome.problems!.filter((what) =>
    what.startsWith("partition 0 has had no message")
  );
  assert.equal(told.length, 1, JSON.stringify(outcome.problems));
});

Deno.test("leak: of too few looks there is no interval, or no slope, and none is told", () => {
  const metrics = (looks: number) => {
    const values = Array.from({ length: looks }, (_, n) => n);
    return samplesOf(judgeLeak(WATCHED[0], values, values, 10)).map(({ metric }) => metric);
  };
  assert.deepEqual(metrics(1), ["objectsFloor"]);
  assert.deepEqual(metrics(2), ["objectsSlope", "objectsFloor"]);
  assert.deepEqual(metrics(3), ["objectsSlope", "objectsLow", "objectsHigh", "objectsFloor"]);
});
