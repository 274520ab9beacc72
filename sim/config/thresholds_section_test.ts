import assert from "node:assert/strict";
import { readThresholds, removeThresholds, writeThresholds } from "./thresholds_section.ts";

const none = { abortOnFail: false, delayAbortEvalMs: 0 };

Deno.test("thresholds: flat or nested, one or several, with k6's options", () => {
  const { thresholds, problems } = readThresholds({
    "recoveryMs.p99": "< 1000",
    latencyMs: { p50: ["> 0", 20], max: "<= 100" },
    "ownership.excusedOverlaps": { outage: "== 0" },
    messages: { lost: { threshold: "== 0", abortOnFail: true, delayAbortEval: "10s" } },
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(thresholds, [
    { figure: "recoveryMs.p99", operator: "<", limit: 1_000, ...none },
    { figure: "latencyMs.p50", operator: ">", limit: 0, ...none },
    { figure: "latencyMs.p50", operator: "<=", limit: 20, ...none },
    { figure: "latencyMs.max", operator: "<=", limit: 100, ...none },
    { figure: "ownership.excusedOverlaps.outage", operator: "==", limit: 0, ...none },
    {
      ...{ figure: "messages.lost", operator: "==", limit: 0 },
      ...{ abortOnFail: true, delayAbortEvalMs: 10_000 },
    },
  ]);
  assert.deepEqual(readThresholds(writeThresholds(thresholds)), { thresholds, problems: [] });
});

Deno.test("thresholds: every mistake has its path", () => {
  const paths = (value: unknown) =>
    readThresholds(value).problems.map(({ path }) => path.join("."));
  assert.deepEqual(paths({ "recoveryMs.p98": 1, recoveryMs: 3, workers: 2, "chaos.0": 1 }), [
    "recoveryMs.p98",
    "recoveryMs",
    "workers",
    "chaos.0",
  ]);
  assert.deepEqual(paths({ recoveryMs: { p99: { p50: 3 } } }), ["recoveryMs.p99.p50"]);
  assert.deepEqual(paths({ "messages.lost": { threshold: "x", abort: 1, abortOnFail: "yes" } }), [
    ...["messages.lost.abort", "messages.lost.threshold", "messages.lost.abortOnFail"],
  ]);
  assert.deepEqual(paths({ "messages.lost": [] }), ["messages.lost"]);
  assert.deepEqual(paths({ "messages.lost": [3, null] }), ["messages.lost.1"]);
  assert.deepEqual(paths({ "messages.lost": { abortOnFail: true } }), ["messages.lost.threshold"]);
  const delayed = { threshold: 0, delayAbortEval: "1s" };
  assert.deepEqual(paths({ "messages.lost": delayed }), ["messages.lost.delayAbortEval"]);
  const soon = { ...delayed, abortOnFail: true, delayAbortEval: "soon" };
  assert.deepEqual(paths({ "messages.lost": soon }), ["messages.lost.delayAbortEval"]);
  const late = { threshold: 0, abortOnFail: true };
  assert.deepEqual(paths({ "balance.maxOverMean": late }), ["balance.maxOverMean.abortOnFail"]);
  assert.deepEqual(paths(["recoveryMs.p99 < 3"]), [""]);
});

Deno.test("thresholds: what is set replaces a figure, or all of a section, however it was written", () => {
  const section = () => ({
    "latencyMs.p99": 1,
    latencyMs: { p99: 2, p50: 3 },
    "ownership.excusedOverlaps": { outage: 4 },
    startup: { allStableMs: { threshold: 5 } },
  });
  const without = (path: string) => {
    const rest = section();
    removeThresholds(rest, path);
    return readThresholds(rest).thresholds.map(({ limit }) => limit);
  };
  assert.deepEqual(without("latencyMs.p99"), [3, 4, 5]);
  assert.deepEqual(without("latencyMs"), [4, 5]);
  assert.deepEqual(without("ownership.excusedOverlaps.outage"), [1, 2, 3, 5]);
  assert.deepEqual(without("startup.allStableMs"), [1, 2, 3, 4]);
  removeThresholds(undefined, "startup");
});
