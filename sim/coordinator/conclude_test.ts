import assert from "node:assert/strict";
import { parse } from "valibot";
import { simulationSchema } from "../config/config_schema.ts";
import type { IntervalSet } from "../ledger/intervals.ts";
import { SimConsole } from "../console/status_line.ts";
import { memoryTrend } from "../measure/memory_trend.ts";
import { Timeline } from "../series/timeline.ts";
import type { SimReport } from "../report/report.ts";
import type { ThresholdResult } from "../report/thresholds.ts";
import type { Fleet } from "../run/fleet.ts";
import { TestFleet } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import { conclude, type Findings } from "./conclude.ts";

const { thresholds } = parse(simulationSchema, {});
const run = {
  runId: "r",
  seed: 1,
  configFile: "x.yaml",
  fault: null,
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 1,
  resumed: 0,
  natsServerVersion: "2.15.1",
  machine: {
    cpus: 2,
    loadAverageBefore: 0,
    loadAverageHighest: 0,
    loadAverageAfter: 0,
    overloadedPart: 0,
    stolenPart: 0,
  },
  partitions: 20,
  startup: { workers: 1, allStableMs: 1 },
};

const effect = new TextEncoder().encode(JSON.stringify({
  ...{ partition: 0, sequence: 1, publishedUs: 1, availableUs: 2, acquiredUs: 0, startUs: 3 },
  ...{ process: "worker-0#1", instance: "i", epoch: 1, generation: 1 },
  ...{ streamSequence: 1, deliveryCount: 1 },
}));

/** A run in which worker-0 was killed with all its partitions, and everything sent had its effect. */
function rig(strategy = "StickyBalanced", limits = thresholds) {
  const fleet = new TestFleet();
  fleet.add("worker", 0);
  const console = new SimConsole({
    write: () => {},
    terminal: false,
    color: false,
    columns: () => 80,
    now: () => new Date(0),
  });
  const state = new RunState(new Array(20).fill(1), () => fleet as unknown as Fleet, console);
  state.ledger.sent(0, 1, 1);
  state.takeEffect(effect, 4, 1);
  const partitions = Array.from({ length: 20 }, (_, partition) => partition);
  const gone = { process: "worker-0#1", atUs: 10, partitions, epoch: 1, generation: 1 };
  state.gone({ ...gone, how: "killed" }, () => {});
  const end = (
    waiting: Map<number, IntervalSet> | undefined,
    endedBy: ThresholdResult[] = [],
    more: Partial<Findings> = {},
  ): SimReport =>
    conclude({
      ...{ run, strategy, thresholds: limits, endedBy, loadMs: 1_000, state, chaos: [], waiting },
      memory: memoryTrend(new Timeline().columns, 0),
      fleet: fleet as unknown as Fleet,
      ...more,
    });
  return { fleet, state, partitions, end };
}

Deno.test("planted: a killed worker's partitions that nobody takes over fail the run, though no message is lost", () => {
  const { state, end } = rig();
  state.takeReport("worker-1#1", { kind: "lanes", change: "acquired", partitions: [3], atUs: 500 });
  const { verdict, reasons, recoveryWithoutWork, recoveryMs } = end(new Map());
  assert.equal(verdict, "fail");
  assert.deepEqual(reasons, [
    "never recovered: 19 partitions of worker-0#1, which was killed, were not taken over by " +
    "anybody (0, 1, 2, 4, 5, 6, 7, 8, 9, 10, …)",
  ]);
  assert.equal(recoveryWithoutWork, 1);
  assert.equal(recoveryMs.count, 0);
});

Deno.test("a killed worker's partitions that somebody took over and that had no message since are told, and pass", () => {
  const { state, partitions, end } = rig();
  state.takeReport("worker-1#1", { kind: "lanes", change: "acquired", partitions, atUs: 500 });
  const { verdict, reasons, recoveryWithoutWork, handoffWithoutWork } = end(new Map());
  assert.deepEqual(reasons, []);
  assert.equal(verdict, "pass");
  assert.equal(recoveryWithoutWork, 20);
  assert.equal(handoffWithoutWork, 0);
});

Deno.test("planted: what no worker may tell fails the run", () => {
  const { state, partitions, end } = rig();
  state.takeReport("worker-1#1", { kind: "lanes", change: "acquired", partitions, atUs: 500 });
  state.takeReport("worker-1#1", { kind: "violation", message: "told a partition twice" });
  const { verdict, reasons, incidents } = end(new Map());
  assert.equal(verdict, "fail");
  assert.deepEqual(reasons, ["worker-1#1: told a partition twice"]);
  assert.deepEqual(incidents, reasons);
});

Deno.test("an interrupted run says nothing of what was still to be recovered", () => {
  const { state, end } = rig();
  state.doubts.push("the run was interrupted");
  const { verdict, reasons } = end(undefined);
  assert.equal(verdict, "unknown");
  assert.deepEqual(reasons, ["the run was interrupted"]);
});

Deno.test("planted: what is lost for certain fails an interrupted run, and what else is missing does not", () => {
  const { state, end } = rig();
  state.ledger.sent(0, 2, 6);
  state.doubts.push("the run was interrupted");
  const { verdict, reasons, messages } = end(undefined, [], { lost: 2 });
  assert.equal(verdict, "fail");
  assert.deepEqual(reasons, ["2 lost: sent, gone from the feed, and without an effect"]);
  assert.deepEqual([messages.lost, messages.undelivered], [2, 3]);
});

Deno.test("what a producer could not tell that it has sent is no effect from nowhere; what cannot be read is", () => {
  const { state, partitions, end } = rig();
  state.takeReport("worker-1#1", { kind: "lanes", change: "acquired", partitions, atUs: 500 });
  const second = JSON.parse(new TextDecoder().decode(effect));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...second, sequence: 2, startUs: 5 }));
  state.takeEffect(bytes, 6, 2);
  state.doubts.push("producer-0#1 could not tell what it has sent");
  const known = end(new Map());
  assert.deepEqual(known.reasons, ["1 unexpected: effects of messages that nobody sent"]);
  const untold = end(new Map(), [], { isSentKnown: false });
  assert.equal(untold.verdict, "unknown");
  assert.deepEqual(untold.defects, []);
  state.takeEffect(new Uint8Array(), 7, 3);
  const strange = end(new Map(), [], { isSentKnown: false });
  assert.deepEqual(strange.reasons, ["1 unexpected: effects of messages that nobody sent"]);
  assert.equal(strange.defects.length, 1);
});

Deno.test("planted: a defect that was planted and does not show is no pass", () => {
  const { state, partitions, end } = rig();
  state.takeReport("worker-1#1", { kind: "lanes", change: "acquired", partitions, atUs: 500 });
  const { verdict, reasons } = end(new Map(), [], { run: { ...run, fault: "lose" } });
  assert.equal(verdict, "unknown");
  assert.deepEqual(reasons, ["a defect was planted (lose), and nothing of it was seen"]);
});

Deno.test("planted: what was seen to be wrong is written out, also where nobody knows what is left", () => {
  const { state, end } = rig();
  state.takeEffect(effect, 5, 2);
  const { verdict, defects } = end(undefined);
  assert.equal(verdict, "fail");
  assert.deepEqual(defects.map(({ kind }) => kind), ["duplicate"]);
});

Deno.test("planted: partitions that change hands for nothing fail the run under the sticky strategy", () => {
  for (
    const [moved, strategy, expected] of [
      [2, "StickyBalanced", []],
      [2, "ConsistentHash", []],
      [6, "StickyBalanced", ["needless moves: 6 partitions changed their owner, 0 had to"]],
      [6, "ConsistentHash", []],
    ] as const
  ) {
    const { state, partitions, end } = rig(strategy);
    const lanes = { kind: "lanes", change: "acquired" } as const;
    state.takeReport("worker-1#1", { ...lanes, partitions, atUs: 500 });
    state.takeReport("worker-2#1", { ...lanes, partitions: partitions.slice(0, 1), atUs: 600 });
    state.moves.begin(1_000);
    const given = partitions.slice(1, 1 + moved);
    state.takeReport("worker-2#1", { ...lanes, partitions: given, atUs: 2_000 });
    const { verdict, reasons, moves } = end(new Map());
    assert.deepEqual(reasons, expected);
    assert.equal(verdict, expected.length === 0 ? "pass" : "fail");
    assert.deepEqual(moves, { total: moved, needed: 0, overNeeded: null });
  }
});

Deno.test("the report says what each worker had in the end and what it has handled", () => {
  const { fleet, state, partitions, end } = rig();
  fleet.add("worker", 1);
  const share = { process: "worker-1#1", capacity: 1, partitions };
  state.sharing = { shares: [share], maxOverMean: 1.0204 };
  const { workers, balance } = end(new Map());
  assert.deepEqual(
    workers.map(({ process, partitions, handled }) => [process, partitions, handled]),
    [
      ["worker-0#1", 0, 1],
      ["worker-1#1", 20, 0],
    ],
  );
  assert.deepEqual(balance, { strategy: "StickyBalanced", maxOverMean: 1.02 });
});

Deno.test("planted: a figure above its limit fails the run, and an interrupted run says nothing of it", () => {
  const limits =
    parse(simulationSchema, { thresholds: { startup: { allStableMs: 0.5 } } }).thresholds;
  const { state, partitions, end } = rig("StickyBalanced", limits);
  state.takeReport("worker-1#1", { kind: "lanes", change: "acquired", partitions, atUs: 500 });
  const { verdict, reasons, thresholds: results } = end(new Map());
  assert.equal(verdict, "fail");
  assert.deepEqual(reasons, [
    "threshold failed: startup.allStableMs <= 0.5ms, but it is 1ms",
  ]);
  const threshold = "startup.allStableMs <= 0.5ms";
  const figure = "startup.allStableMs";
  const result = {
    threshold,
    figure,
    operator: "<=",
    limit: 0.5,
    actual: 1,
    holds: false,
  } as const;
  assert.deepEqual(results, [result]);
  assert.equal(rig("StickyBalanced", limits).end(undefined).verdict, "pass");
  // Unless that is what ended it: then it is told as it was at that moment.
  const endedBy = [{ ...result, actual: 7, endedRun: true as const }];
  const early = rig("StickyBalanced", limits).end(undefined, endedBy);
  assert.equal(early.verdict, "fail");
  assert.deepEqual(early.thresholds, endedBy);
  assert.match(early.reasons.join(), /but it is 7ms; the run was ended at once$/);
});

Deno.test("the report has every field the simulation promises", () => {
  const report = rig().end(new Map()) as unknown as Record<string, Record<string, unknown>>;
  const promised = {
    messages: [
      ...["sent", "received", "deliveries", "redeliveries", "lost", "duplicateEffects"],
      ...["outOfOrder", "unexpected", "undelivered"],
    ],
    ownership: ["interleavings"],
    recoveryMs: ["p50", "p99", "max"],
    takeoverMs: ["p50", "p99", "max"],
    handoffMs: ["p50", "p99", "max"],
    latencyMs: ["p50", "p99", "max"],
    unmovedLatencyMs: ["p99", "max"],
    balance: ["strategy", "maxOverMean"],
    moves: ["total", "needed"],
    unmovedPartitions: ["kept", "moved"],
  };
  for (const [section, keys] of Object.entries(promised)) {
    for (const key of keys) assert.ok(key in report[section]!, `${section}.${key}`);
  }
  for (
    const key of ["verdict", "seed", "durationMs", "natsServerVersion", "chaos", "workers"]
  ) assert.ok(key in report, key);
});
