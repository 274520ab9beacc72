import assert from "node:assert/strict";
import type { Threshold } from "../config/threshold.ts";
import type { LedgerTotals } from "../ledger/ledger.ts";
import { type Evidence, judge as judgeAll, type SimReport } from "./report.ts";
import { renderReport } from "./report_block.ts";
import { NOTHING_EXCUSED } from "../ledger/overlaps.ts";
import { checkThresholds } from "./thresholds.ts";

const totals: LedgerTotals = {
  sent: 10,
  unknown: 0,
  holes: 0,
  received: 10,
  effective: 10,
  deadLetters: 0,
  givenUp: 0,
  deliveries: 12,
  redeliveries: 2,
  unexplainedRedeliveries: [],
  lost: 0,
  duplicateEffects: 0,
  outOfOrder: 0,
  unexpected: 0,
  undelivered: 0,
  interleavings: 0,
  excusedOverlaps: { ...NOTHING_EXCUSED },
  unprovenOverlaps: [],
  uncheckedHandlers: 0,
  unkeptHandlers: 0,
  strange: 0,
  unread: 0,
};
const nothing = { count: 0, p50: null, p99: null, max: null };

/** A threshold. */
function limit(figure: Threshold["figure"], operator: Threshold["operator"], limit: number) {
  return { figure, operator, limit, abortOnFail: false, delayAbortEvalMs: 0 };
}

/** On an idle machine, with all limits kept to, unless told otherwise. */
function judge(evidence: Partial<Evidence> & Pick<Evidence, "totals" | "doubts" | "incidents">) {
  return judgeAll({ failed: [], machine: report.machine, ...evidence });
}

const report: SimReport = {
  verdict: "pass",
  reasons: [],
  runId: "abc",
  seed: 42,
  configFile: "configs/quick.yaml",
  fault: null,
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 71_000,
  resumed: 0,
  natsServerVersion: "2.15.1",
  machine: {
    cpus: 2,
    loadAverageBefore: 0.1,
    loadAverageHighest: 1.6,
    loadAverageAfter: 1.5,
    overloadedPart: 0,
    stolenPart: 0,
  },
  thresholds: [
    ...checkThresholds([limit("recoveryMs.p99", "<=", 1_000)], { recoveryMs: { p99: 612 } }),
    ...checkThresholds([limit("handoffMs.p99", "<", 150)], { handoffMs: { p99: null } }),
    ...checkThresholds([limit("messages.sent", ">", 12_500)], { messages: { sent: 12_500 } }),
  ],
  partitions: 100,
  partitionChanges: { added: 3, removed: 2 },
  startup: { workers: 10, allStableMs: 1_200 },
  messages: {
    sent: 12_500,
    received: 12_500,
    effective: 12_498,
    deadLetters: 2,
    givenUp: 0,
    deliveries: 12_530,
    redeliveries: 30,
    unexplainedRedeliveries: 0,
    lost: 0,
    duplicateEffects: 0,
    outOfOrder: 0,
    unexpected: 0,
    undelivered: 0,
    unknownOutcome: 0,
    perSecond: 208,
  },
  ownership: {
    ...{ interleavings: 0, excusedOverlaps: totals.excusedOverlaps, unprovenOverlaps: 0 },
  },
  chaos: [
    {
      number: 1,
      atMs: 5_000,
      type: "worker_crash",
      target: "worker-4",
      recoveredMs: 612,
      wholeMs: 1_730,
      moves: {
        total: 12,
        needed: 10,
      },
    },
    {
      number: 2,
      atMs: 9_000,
      type: "scale_up",
      target: "-",
      recoveredMs: null,
      wholeMs: null,
      skipped: "enough",
      moves: {
        total: 0,
        needed: 0,
      },
    },
  ],
  recoveryMs: { count: 10, p50: 400.5, p99: 612, max: 612 },
  recoveryOwnedMs: { count: 20, p50: 200, p99: 400, max: 400 },
  recoveryFromWorkMs: { count: 10, p50: 300, p99: 500, max: 500 },
  takeoverMs: { count: 4, p50: 7_000, p99: 7_900, max: 7_900 },
  recoveryWithoutWork: 2,
  wholeMs: { count: 1, p50: 1_730, p99: 1_730, max: 1_730 },
  memory: {
    process: { mb: 88.5, growth: 1.02 },
    largest: { mb: 120, growth: 1.1 },
    coordinator: { mb: 150.5, growth: null },
    server: { mb: null, growth: null },
  },
  handoffMs: nothing,
  handoffWithoutWork: 5,
  handoffVacancyMs: { count: 9, p50: 12, p99: 44.1, max: 44.1 },
  latencyMs: { count: 12_500, p50: 8, p99: 40, max: 700 },
  unmovedLatencyMs: { count: 9_000, p50: 8, p99: 30, max: 90 },
  unmovedPartitions: { kept: 87, moved: 12 },
  moves: { total: 12, needed: 10, overNeeded: 1.25 },
  balance: { strategy: "StickyBalanced", maxOverMean: 1.02 },
  workers: [
    { id: "worker-10", process: "worker-10#1", pid: 1, rssBytes: 1, partitions: 49, handled: 60 },
    { id: "worker-4", process: "worker-4#1", pid: 2, rssBytes: 1, partitions: 0, handled: 100 },
    { id: "worker-4", process: "worker-4#2", pid: 3, rssBytes: 1, partitions: 51, handled: 40 },
  ],
  slowest: { recovery: [], recoveryFromWork: [], handoff: [], handoffVacancy: [], unmoved: [] },
  defects: [],
  incidents: [],
};

Deno.test("the block of a run that passes", () => {
  assert.deepEqual(renderReport(report), [
    "=== Simulation Report ===",
    "Total Partitions: 100",
    "  changed:        3 added, 2 removed while it ran",
    "Total Sent:       12500",
    "Total Received:   12500",
    "Gaps Detected:    0",
    "Duplicates:       0",
    "Out of Order:     0",
    "Unexpected:       0",
    "Interleavings:    0",
    "  excused:        0 handlers at once",
    "  unproven:       0",
    "Redeliveries:     30 (allowed)",
    "  unexplained:    0",
    "Dead Letters:     2 poisoned on purpose",
    "  given up:       0",
    "Throughput:       208 msg/s",
    "Chaos Events:     1",
    "  skipped:        1 of 1 scale_up (none was done)",
    "  whole again:    after 1 of 1, 0 failed, at most 1730ms later (#1 worker_crash)",
    "Balance:          StickyBalanced, highest load 1.02 times the mean",
    "  worker-4:       51 partitions in the end, 140 messages handled",
    "  worker-10:      49 partitions in the end, 60 messages handled",
    "Latency:          p50 8ms, p99 40ms, max 700ms (12500)",
    "Unmoved Latency:  p50 8ms, p99 30ms, max 90ms (9000)",
    "  covers:         87 of 99 partitions an event",
    "Moves:            12 partitions, 10 of them had to; by weight 1.25 times what had to",
    "Startup:          10 workers Stable at once after 1200ms",
    "Recovery:         p50 400.5ms, p99 612ms, max 612ms (10)",
    "  until owned:    p50 200ms, p99 400ms, max 400ms (20)",
    "  from work:      p50 300ms, p99 500ms, max 500ms (10)",
    "  no work:        2 partitions taken over, no message since",
    "  from pause:     p50 7000ms, p99 7900ms, max 7900ms (4)",
    "Handoff:          nothing to measure",
    "  no work:        5 moves, no message waiting",
    "  vacancy:        p50 12ms, p99 44.1ms, max 44.1ms (9)",
    "Memory:           88.5 MB, 1.02 × the earlier (a process)",
    "  largest:        120 MB, 1.1 × the earlier",
    "  coordinator:    150.5 MB, too short a run to tell its growth",
    "  nats-server:    not known",
    "Thresholds:       1 of 2 hold, nothing to measure for 1",
    "  holds:          recoveryMs.p99 <= 1000ms: 612ms",
    "  unmeasured:     handoffMs.p99 < 150ms",
    "  fails:          messages.sent > 12500: 12500",
    "nats-server:      2.15.1",
    "Machine:          2 CPUs, load average 0.1 before, at most 1.6",
    "Duration:         1m11s",
    "Seed:             42",
    "✅ SUCCESS: No message loss or duplication detected",
  ]);
});

Deno.test("the block of a run that fails names reasons, defects and the seed", () => {
  const defects = Array.from({ length: 12 }, (_, partition) => ({
    kind: "lost" as const,
    partition,
    detail: "middle: sequences 3 of 1-9",
  }));
  const failed: SimReport = { ...report, verdict: "fail", reasons: ["12 lost"], defects };
  const all = renderReport(failed);
  const lines = all.slice(all.indexOf("❌ FAILURE"));
  assert.deepEqual(lines.slice(0, 3), [
    "❌ FAILURE",
    "  - 12 lost",
    "    lost in partition 0: middle: sequences 3 of 1-9",
  ]);
  assert.deepEqual(lines.slice(-2), [
    "    … 2 more in report.json",
    "Run it again with --seed 42",
  ]);
});

Deno.test("the block says what was excused, and a start that was not reached", () => {
  const lines = renderReport({
    ...report,
    startup: { workers: 10, allStableMs: null },
    ownership: {
      ...{ interleavings: 0, unprovenOverlaps: 0 },
      excusedOverlaps: { ...NOTHING_EXCUSED, stoodStill: 3, outage: 2 },
    },
  });
  assert.ok(
    lines.includes("  excused:        3 while a worker stood still, 2 while the server was away"),
  );
  assert.ok(lines.includes("Startup:          not reached"));
});

Deno.test("the block shows so many workers, and a group that did not heal", () => {
  const workers = Array.from({ length: 25 }, (_, index) => {
    const process = `worker-${index}#1`;
    return { id: `w${index}`, process, pid: 1, rssBytes: 1, partitions: 4, handled: 9 };
  });
  const balance = { strategy: "RoundRobin", maxOverMean: null };
  const lines = renderReport({ ...report, workers, balance });
  assert.ok(lines.includes("Balance:          RoundRobin, not reached"));
  assert.ok(lines.includes("  worker-19:      4 partitions in the end, 9 messages handled"));
  assert.ok(lines.includes("  …:              5 workers more in report.json"));
});

Deno.test("a clean run passes", () => {
  assert.deepEqual(judge({ totals, doubts: [], incidents: [] }), { verdict: "pass", reasons: [] });
});

Deno.test("each defect alone fails the run and is named, whatever else is in doubt", () => {
  const names = {
    lost: "1 lost",
    duplicateEffects: "1 duplicate effects",
    outOfOrder: "1 out of order",
    unexpected: "1 unexpected",
    undelivered: "1 undelivered",
    interleavings: "1 interleavings",
  };
  for (const [key, text] of Object.entries(names)) {
    const result = judge({ totals: { ...totals, [key]: 1 }, doubts: ["blind"], incidents: [] });
    assert.equal(result.verdict, "fail");
    assert.equal(result.reasons.length, 1);
    assert.ok(result.reasons[0]!.startsWith(text), result.reasons[0]);
  }
  assert.equal(judge({ totals, doubts: [], incidents: ["worker-1 ended"] }).verdict, "fail");
});

Deno.test("a threshold that does not hold fails the run; of speed, it leaves it unknown on an overloaded machine", () => {
  const failed = checkThresholds([limit("recoveryMs.p99", "<", 1_000)], {
    recoveryMs: { p99: 1_200 },
  });
  const told = "threshold failed: recoveryMs.p99 < 1000ms, but it is 1200ms";
  assert.deepEqual(judge({ totals, doubts: ["blind"], incidents: [], failed }), {
    verdict: "fail",
    reasons: [told],
  });
  const burst = { ...report.machine, loadAverageHighest: 9, overloadedPart: 0.19 };
  assert.equal(
    judge({ totals, doubts: [], incidents: [], failed, machine: burst }).verdict,
    "fail",
  );
  const busy = { ...report.machine, loadAverageHighest: 4.1, overloadedPart: 0.2 };
  assert.deepEqual(judge({ totals, doubts: [], incidents: [], failed, machine: busy }), {
    verdict: "unknown",
    reasons: [
      told,
      "the machine was overloaded: its load average was above 4 for 20% of the load, and at most 4.1",
    ],
  });
  assert.equal(judge({ totals, doubts: [], incidents: [], machine: busy }).verdict, "pass");
  const both = judge({ totals, doubts: [], incidents: ["oh"], failed, machine: busy });
  assert.deepEqual(both, { verdict: "fail", reasons: ["oh"] });
  const moves = checkThresholds([limit("moves.total", "<", 10)], { moves: { total: 10 } });
  const many = judge({ totals, doubts: [], incidents: [], failed: moves, machine: busy });
  assert.deepEqual(many, {
    verdict: "fail",
    reasons: ["threshold failed: moves.total < 10, but it is 10"],
  });
});

Deno.test("what could not be seen is unknown, not a pass", () => {
  assert.equal(judge({ totals, doubts: ["blind"], incidents: [] }).verdict, "unknown");
  assert.equal(
    judge({ totals: { ...totals, unknown: 1 }, doubts: [], incidents: [] }).verdict,
    "unknown",
  );
  const { verdict, reasons } = judge({
    totals: { ...totals, uncheckedHandlers: 4 },
    doubts: [],
    incidents: [],
  });
  assert.equal(verdict, "unknown");
  assert.match(reasons.join(), /^4 handlers were reported too late to be compared/);
  assert.equal(
    judge({ totals: { ...totals, sent: 0 }, doubts: [], incidents: [] }).verdict,
    "unknown",
  );
  const unprovenOverlaps = ["sequence 1"];
  assert.deepEqual(judge({ totals: { ...totals, unprovenOverlaps }, doubts: [], incidents: [] }), {
    verdict: "unknown",
    reasons: [
      "1 times two handlers seem to have been at work at once, and only a worker's own word, or clocks " +
      "that differ, speak for it: sequence 1",
    ],
  });
  const unexplainedRedeliveries = ["sequence 1", "sequence 2", "sequence 3", "sequence 4"];
  const again = judge({
    totals: { ...totals, unexplainedRedeliveries },
    doubts: [],
    incidents: [],
  });
  assert.deepEqual(again, {
    verdict: "unknown",
    reasons: ["4 redeliveries that nothing explains: sequence 1; sequence 2; sequence 3; …"],
  });
});

Deno.test("planted: what was seen of handlers and not kept to be judged is unknown, not a pass", () => {
  const seen = { totals: { ...totals, unkeptHandlers: 7 }, doubts: [], incidents: [] };
  const { verdict, reasons } = judge(seen);
  assert.equal(verdict, "unknown");
  assert.match(reasons.join(), /^7 pairs of handlers were too many to be judged/);
});

Deno.test("planted: what may have had an effect that nobody could read is unknown, and neither lost nor a pass", () => {
  const seen = { totals: { ...totals, unread: 2 }, doubts: [], incidents: [] };
  assert.deepEqual(judge(seen), {
    verdict: "unknown",
    reasons: ["2 messages have no effect that was read, and may have had one that was gone before"],
  });
  assert.equal(judge({ ...seen, totals: { ...seen.totals, lost: 1 } }).verdict, "fail");
});
