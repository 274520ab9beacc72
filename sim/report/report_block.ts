/**
 * The report's block for people: the seeds' lines, and more.
 *
 * @module
 */
import { unitOf } from "../config/figures.ts";
import { formatDuration } from "../config/units.ts";
import type { Excuse } from "../ledger/impairments.ts";
import type { Percentiles } from "../measure/histogram.ts";
import { isOverloaded, stolenText } from "../measure/machine_load.ts";
import type { Growth } from "../measure/memory_trend.ts";
import type { SimReport, Verdict } from "./report.ts";
import type { ThresholdResult } from "./thresholds.ts";

const VERDICT_LINES: Readonly<Record<Verdict, string>> = {
  pass: "✅ SUCCESS: No message loss or duplication detected",
  fail: "❌ FAILURE",
  unknown: "❓ UNKNOWN: could not verify",
};

/** Workers shown in the block; all of them are in `report.json`. */
const SHOWN_WORKERS = 20;
/** Defects shown in the block; all of them are in `report.json`. */
const SHOWN_DEFECTS = 10;

/**
 * Writes the seeds' report block, with more lines.
 *
 * @param report the report
 * @returns its lines
 */
export function renderReport(report: SimReport): string[] {
  const { messages } = report;
  const line = (label: string, value: string | number) => `${label.padEnd(18)}${value}`;
  const happened = report.chaos.filter(({ skipped }) => skipped === undefined);
  const lines = [
    "=== Simulation Report ===",
    line("Total Partitions:", report.partitions),
    line("  changed:", changesText(report.partitionChanges)),
    line("Total Sent:", messages.sent),
    line("Total Received:", messages.received),
    line("Gaps Detected:", messages.lost + messages.undelivered),
    line("Duplicates:", messages.duplicateEffects),
    line("Out of Order:", messages.outOfOrder),
    line("Unexpected:", messages.unexpected),
    line("Interleavings:", report.ownership.interleavings),
    line("  excused:", excusedText(report.ownership.excusedOverlaps)),
    line("  unproven:", report.ownership.unprovenOverlaps),
    line("Redeliveries:", `${messages.redeliveries} (allowed)`),
    line("  unexplained:", messages.unexplainedRedeliveries),
    line("Dead Letters:", `${messages.deadLetters - messages.givenUp} poisoned on purpose`),
    line("  given up:", messages.givenUp),
    line("Throughput:", `${messages.perSecond} msg/s`),
    line("Chaos Events:", happened.length),
    line("  skipped:", skippedText(report.chaos)),
    line("  whole again:", wholeText(happened)),
    line("Balance:", balanceText(report.balance)),
    ...workersText(report.workers).map(([name, text]) => line(`  ${name}:`, text)),
    line("Latency:", percentilesText(report.latencyMs)),
    line("Unmoved Latency:", percentilesText(report.unmovedLatencyMs)),
    line("  covers:", coverageText(report.unmovedPartitions, happened.length)),
    line("Moves:", movesText(report.moves)),
    line("Startup:", startupText(report.startup)),
    line("Recovery:", percentilesText(report.recoveryMs)),
    line("  until owned:", percentilesText(report.recoveryOwnedMs)),
    line("  from work:", percentilesText(report.recoveryFromWorkMs)),
    line("  no work:", `${report.recoveryWithoutWork} partitions taken over, no message since`),
    line("  from pause:", percentilesText(report.takeoverMs)),
    line("Handoff:", percentilesText(report.handoffMs)),
    line("  no work:", `${report.handoffWithoutWork} moves, no message waiting`),
    line("  vacancy:", percentilesText(report.handoffVacancyMs)),
    line("Memory:", `${memoryText(report.memory.process)} (a process)`),
    line("  largest:", memoryText(report.memory.largest)),
    line("  coordinator:", memoryText(report.memory.coordinator)),
    line("  nats-server:", memoryText(report.memory.server)),
    line("Thresholds:", thresholdsText(report.thresholds)),
    ...report.thresholds.map((result) => line(...thresholdText(result))),
    line("nats-server:", report.natsServerVersion),
    line(
      "Machine:",
      `${report.machine.cpus} CPUs, load average ${report.machine.loadAverageBefore} before, ` +
        `at most ${report.machine.loadAverageHighest}` +
        stolenText(report.machine) +
        (isOverloaded(report.machine) ? ", overloaded" : ""),
    ),
    line("Duration:", formatDuration(report.durationMs)),
    ...(report.resumed > 0
      ? [line("Resumed:", `${report.resumed} times, from its checkpoints`)]
      : []),
    line("Seed:", report.seed),
    VERDICT_LINES[report.verdict],
  ];
  for (const reason of report.reasons) lines.push(`  - ${reason}`);
  for (const { kind, partition, detail } of report.defects.slice(0, SHOWN_DEFECTS)) {
    lines.push(`    ${kind}${partition < 0 ? "" : ` in partition ${partition}`}: ${detail}`);
  }
  if (report.defects.length > SHOWN_DEFECTS) {
    lines.push(`    … ${report.defects.length - SHOWN_DEFECTS} more in report.json`);
  }
  if (report.verdict !== "pass") lines.push(`Run it again with --seed ${report.seed}`);
  return lines;
}

function movesText({ total, needed, overNeeded }: SimReport["moves"]): string {
  const times = overNeeded === null ? "" : `; by weight ${overNeeded} times what had to`;
  return `${total} partitions, ${needed} of them had to${times}`;
}

function memoryText({ mb, growth }: Growth): string {
  if (mb === null) return "not known";
  const grown = growth === null ? "too short a run to tell its growth" : `${growth} × the earlier`;
  return `${mb} MB, ${grown}`;
}

function changesText({ added, removed }: SimReport["partitionChanges"]): string {
  return `${added} added, ${removed} removed while it ran`;
}

/** What was planned and not done: a kind of which nothing was done has proven nothing. */
function skippedText(chaos: SimReport["chaos"]): string {
  const kinds = [...Map.groupBy(chaos, ({ type }) => type)].flatMap(([type, all]) => {
    const skipped = all.filter(({ skipped }) => skipped !== undefined).length;
    if (skipped === 0) return [];
    return [
      `${skipped} of ${all.length} ${type}${skipped === all.length ? " (none was done)" : ""}`,
    ];
  });
  return kinds.join(", ") || "none";
}

/** After how many events the group was seen whole again, how long that took at most, and how many failed. */
function wholeText(happened: SimReport["chaos"]): string {
  const whole = happened.filter(({ wholeMs }) => wholeMs !== null)
    .toSorted((a, b) => b.wholeMs! - a.wholeMs!);
  const failed = happened.filter(({ failed }) => failed !== undefined).length;
  const [slowest] = whole;
  return `after ${whole.length} of ${happened.length}, ${failed} failed` +
    (slowest === undefined
      ? ""
      : `, at most ${slowest.wholeMs}ms later (#${slowest.number} ${slowest.type})`);
}

function percentilesText({ count, p50, p99, max }: Percentiles): string {
  if (count === 0) return "nothing to measure";
  return `p50 ${p50}ms, p99 ${p99}ms, max ${max}ms (${count})`;
}

function coverageText({ kept, moved }: SimReport["unmovedPartitions"], events: number): string {
  if (kept + moved === 0) return "nothing";
  return `${Math.round(kept / events)} of ${
    Math.round((kept + moved) / events)
  } partitions an event`;
}

function thresholdsText(thresholds: SimReport["thresholds"]): string {
  if (thresholds.length === 0) return "none set";
  const measured = thresholds.filter(({ actual }) => actual !== null);
  const held = measured.filter(({ holds }) => holds).length;
  const unmeasured = thresholds.length - measured.length;
  return `${held} of ${measured.length} hold` +
    (unmeasured === 0 ? "" : `, nothing to measure for ${unmeasured}`);
}

function thresholdText(result: ThresholdResult): [string, string] {
  const { threshold, figure, actual, holds } = result;
  if (actual === null) return ["  unmeasured:", threshold];
  return [holds ? "  holds:" : "  fails:", `${threshold}: ${actual}${unitOf(figure)}`];
}

function balanceText({ strategy, maxOverMean }: SimReport["balance"]): string {
  return maxOverMean === null
    ? `${strategy}, not reached`
    : `${strategy}, highest load ${maxOverMean} times the mean`;
}

/** One line for each worker, whatever its incarnations. */
function workersText(workers: SimReport["workers"]): [string, string][] {
  const sums = new Map<string, { partitions: number; handled: number }>();
  for (const { process, partitions, handled } of workers) {
    const name = process.replace(/#\d+$/, "");
    const sum = sums.get(name) ?? { partitions: 0, handled: 0 };
    sums.set(name, {
      partitions: sum.partitions + partitions,
      handled: sum.handled + handled,
    });
  }
  const lines = [...sums].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
    .map(([name, { partitions, handled }]): [string, string] => {
      return [name, `${partitions} partitions in the end, ${handled} messages handled`];
    });
  if (lines.length <= SHOWN_WORKERS) return lines;
  const more = `${lines.length - SHOWN_WORKERS} workers more in report.json`;
  return [...lines.slice(0, SHOWN_WORKERS), ["…", more]];
}

function startupText({ workers, allStableMs }: SimReport["startup"]): string {
  return allStableMs === null
    ? "not reached"
    : `${workers} workers Stable at once after ${allStableMs}ms`;
}

/** Why overlaps were excused, in the words of the block. */
const EXCUSES: Readonly<Record<Excuse, string>> = {
  stoodStill: "a worker stood still",
  starved: "a worker got no processor",
  disconnected: "a worker was cut off",
  outage: "the server was away",
  rightEnded: "a handler had been told to stop",
};

function excusedText(excused: Readonly<Record<Excuse, number>>): string {
  const counts = Object.entries(excused).filter(([, count]) => count > 0);
  if (counts.length === 0) return "0 handlers at once";
  return counts.map(([why, count]) => `${count} while ${EXCUSES[why as Excuse]}`).join(", ");
}
