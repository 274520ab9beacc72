import assert from "node:assert/strict";
import { parse } from "valibot";
import { FIGURES } from "../config/figures.ts";
import { simulationSchema } from "../config/config_schema.ts";
import { checkThresholds, describeFailed, figureAt } from "./thresholds.ts";

const figures = {
  recoveryMs: { count: 4, p99: 900, max: 5_000 },
  handoffMs: { p99: 151 },
  unmovedLatencyMs: { p99: null },
  messages: { sent: 12, lost: 0 },
  recoveryWithoutWork: 3,
};

function check(thresholds: unknown) {
  return checkThresholds(parse(simulationSchema, { thresholds }).thresholds, figures);
}

Deno.test("thresholds: any number of the report, each with its value; what was not measured breaks nothing", () => {
  const results = check({
    "recoveryMs.p99": "<= 900",
    "handoffMs.p99": "< 151",
    "unmovedLatencyMs.p99": "< 250",
    "messages.lost": "== 0",
    "messages.sent": [">= 12", "!= 12"],
    recoveryWithoutWork: "> 2",
  });
  assert.deepEqual(results.map(({ threshold, actual, holds }) => [threshold, actual, holds]), [
    ["recoveryMs.p99 <= 900ms", 900, true],
    ["handoffMs.p99 < 151ms", 151, false],
    ["unmovedLatencyMs.p99 < 250ms", null, true],
    ["messages.lost == 0", 0, true],
    ["messages.sent >= 12", 12, true],
    ["messages.sent != 12", 12, false],
    ["recoveryWithoutWork > 2", 3, true],
  ]);
  assert.equal(
    describeFailed(results[1]!),
    "threshold failed: handoffMs.p99 < 151ms, but it is 151ms",
  );
  assert.equal(
    describeFailed({ ...results[5]!, endedRun: true }),
    "threshold failed: messages.sent != 12, but it is 12; the run was ended at once",
  );
});

Deno.test("thresholds: none set, none checked", () => {
  assert.deepEqual(check({}), []);
});

Deno.test("thresholds: a part of the report does not have every figure", () => {
  assert.equal(figureAt(figures, "messages.sent"), 12);
  assert.equal(figureAt(figures, "unmovedLatencyMs.p99"), null);
  assert.equal(figureAt(figures, "balance.maxOverMean"), undefined);
  assert.equal(new Set(FIGURES).size, FIGURES.length);
});
