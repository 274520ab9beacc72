import assert from "node:assert/strict";
import { simulationSchema } from "../config/config_schema.ts";
import { checkThresholds, describeExceeded } from "./thresholds.ts";

const figures = {
  recoveryMs: { p99: 900, max: 5_000 },
  handoffMs: { p99: 151 },
  unmovedLatencyMs: { p99: null },
  startup: { workers: 3, allStableMs: 3_000 },
};

Deno.test("thresholds: the most that is allowed is allowed; what could not be measured breaks nothing", () => {
  const { thresholds } = simulationSchema.parse({
    thresholds: {
      recoveryMs: { p99: 900 },
      handoffMs: { p99: 150 },
      unmovedLatencyMs: { p99: 250 },
    },
  });
  const results = checkThresholds(thresholds, figures);
  assert.deepEqual(results, [
    { figure: "recoveryMs.p99", maxMs: 900, actualMs: 900, holds: true },
    { figure: "handoffMs.p99", maxMs: 150, actualMs: 151, holds: false },
    { figure: "unmovedLatencyMs.p99", maxMs: 250, actualMs: null, holds: true },
  ]);
  assert.equal(
    describeExceeded(results[1]!),
    "threshold exceeded: handoffMs.p99 is 151ms, at most 150ms are allowed",
  );
});

Deno.test("thresholds: none set, none checked", () => {
  assert.deepEqual(checkThresholds(simulationSchema.parse({}).thresholds, figures), []);
});
