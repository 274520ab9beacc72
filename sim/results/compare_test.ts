import assert from "node:assert/strict";
import type { SimReport } from "../report/report.ts";
import { better, renderComparison } from "./compare.ts";
import { configDifferences } from "./config_differences.ts";
import { syntheticReport } from "./synthetic_rig_test.ts";

const compared = (changes: Partial<SimReport>) =>
  renderComparison(
    { name: "out/a", report: syntheticReport() },
    { name: "out/b", report: syntheticReport(changes) },
  );
const line = (lines: readonly string[], start: string) =>
  lines.find((each) => each.startsWith(start))?.split(/ {2,}/);

Deno.test("figures stand side by side with their ratio and which is better", () => {
  const { messages, recoveryMs } = syntheticReport();
  const lines = compared({
    ...{ verdict: "fail", messages: { ...messages, lost: 3, perSecond: 24 } },
    recoveryMs: { ...recoveryMs, p99: 10 },
  });
  assert.deepEqual(line(lines, "Verdict"), ["Verdict", "pass", "fail"]);
  assert.deepEqual(line(lines, "recoveryMs.p99"), ["recoveryMs.p99", "20ms", "10ms", "0.50", "B"]);
  assert.deepEqual(line(lines, "messages.lost"), ["messages.lost", "0", "3", "A"]);
  assert.deepEqual(line(lines, "messages.perSecond"), [
    ...["messages.perSecond", "12", "24", "2.00", "B"],
  ]);
  assert.deepEqual(line(lines, "messages.sent"), ["messages.sent", "720", "720", "1.00"]);
  assert.deepEqual(line(lines, "takeoverMs.p99"), ["takeoverMs.p99", "—", "—"]);
  assert.ok(lines.every((each) => each === each.trimEnd()));
});

Deno.test("which is better: less time and fewer defects, more throughput; neither where it means nothing", () => {
  assert.equal(better("latencyMs.p99", 100, 104), "about the same");
  assert.equal(better("latencyMs.p99", 100, 106), "A");
  assert.equal(better("latencyMs.p99", 0, 0), "same");
  assert.equal(better("messages.lost", 1_000, 1_001), "A");
  assert.equal(better("messages.perSecond", 100, 80), "A");
  assert.equal(better("messages.sent", 100, 80), "");
  assert.equal(better("latencyMs.p99", null, 80), "");
});

Deno.test("it is said whether seed and configuration are the same, and where not", () => {
  const same = compared({}).join("\n");
  assert.match(same, /The seed is the same/);
  assert.match(same, /The configuration is the same\./);
  const other = compared({
    seed: 43,
    config: { workers: { count: 5 }, "partitions": { count: 12 } },
  })
    .join("\n");
  assert.match(other, /The seeds differ/);
  assert.match(other, /differ in 1 key:\n {2}workers\.count: 3 → 5/);
  const { config: _, ...older } = syntheticReport();
  const told = renderComparison({ name: "a", report: older }, { name: "b", report: older });
  assert.match(told.join("\n"), /cannot be told/);
});

Deno.test("configurations are compared key by key; the seed is no part of what is asked", () => {
  assert.deepEqual(
    configDifferences(
      { simulation: { seed: 1, duration: "1m" }, a: { b: [1, 2] }, same: {} },
      { simulation: { seed: 2, duration: "2m" }, a: { b: [2, 1] }, same: {}, c: null },
    ),
    [
      { key: "a.b", a: "[1,2]", b: "[2,1]" },
      { key: "c", a: "—", b: "null" },
      { key: "simulation.duration", a: '"1m"', b: '"2m"' },
    ],
  );
});
