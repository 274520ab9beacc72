/**
 * Puts the report together from all that was seen.
 *
 * @module
 */
import type { Threshold } from "../config/threshold.ts";
import type { IntervalSet } from "../ledger/intervals.ts";
import type { LedgerTotals } from "../ledger/ledger.ts";
import type { Share } from "../measure/balance.ts";
import { DurationHistogram, type Percentiles } from "../measure/histogram.ts";
import type { MemoryTrend } from "../measure/memory_trend.ts";
import type { Moves } from "../measure/moves.ts";
import type { OpenRecovery } from "../measure/recovery.ts";
import { type ChaosRecord, judge, type SimReport } from "../report/report.ts";
import { checkThresholds, type ThresholdResult } from "../report/thresholds.ts";
import { type Fleet, pidOf } from "../run/fleet.ts";
import type { RunState } from "../run/run_state.ts";
import type { Series } from "../series/series.ts";

/** What came of a run. */
export interface Outcome {
  /** The result. */
  readonly report: SimReport;
  /** How it went over time. */
  readonly series: Series;
  /** Whether it did not come to its end, and can go on from its last checkpoint. */
  readonly canGoOn: boolean;
}

/** What a report is made from. */
export interface Findings {
  /** What is known of the run itself. */
  readonly run: Pick<
    SimReport,
    | "runId"
    | "seed"
    | "configFile"
    | "arguments"
    | "config"
    | "fault"
    | "startedAt"
    | "durationMs"
    | "resumed"
    | "natsServerVersion"
    | "machine"
    | "partitions"
    | "startup"
  >;
  /** The strategy by which partitions were shared. */
  readonly strategy: string;
  /** What the figures have to keep to. */
  readonly thresholds: readonly Threshold[];
  /** Those of them that ended the run before its time. */
  readonly endedBy?: readonly ThresholdResult[];
  /** How long producers were at work, in milliseconds. */
  readonly loadMs: number;
  /** What was seen. */
  readonly state: RunState;
  /** The processes. */
  readonly fleet: Fleet;
  /** What the processes took. */
  readonly memory: MemoryTrend;
  /** The chaos events. */
  readonly chaos: readonly ChaosRecord[];
  /** What is left in the feed, by partition; undefined if that is not known: the run was interrupted, or could not be drained. */
  readonly waiting: ReadonlyMap<number, IntervalSet> | undefined;
  /** Messages that are lost for certain, where that is not known. */
  readonly lost?: number;
  /** Whether the producers have told all that they have sent; if left out, they have. */
  readonly isSentKnown?: boolean;
}

/**
 * Makes the report.
 *
 * @param findings what was seen
 * @returns the report
 */
export function conclude(findings: Findings): SimReport {
  const { run, strategy, state, fleet, chaos, waiting, loadMs, memory, endedBy = [] } = findings;
  const { ledger, measurements, doubts } = state;
  const incidents = [...state.violations, ...state.incidents];
  const totals = waiting === undefined
    ? withLost(ledger.totals(), findings.lost ?? 0)
    : ledger.totals(waiting);
  // Work was still under way when a run is interrupted, and nobody knows of what could not be drained: what else is missing is no defect.
  const { isSentKnown = true } = findings;
  const judged = {
    ...totals,
    ...(waiting === undefined ? { undelivered: 0, unknown: 0, holes: 0 } : {}),
    // What was sent by somebody who could not tell it is no effect from nowhere.
    ...(waiting === undefined || !isSentKnown ? { unexpected: totals.strange } : {}),
  };
  const { interleavings, excusedOverlaps, unprovenOverlaps } = totals;
  const unmoved = measurements.finishUnmoved();
  measurements.vacancies.finish();
  state.moves.finish();
  const { open } = measurements.recovery;
  if (waiting !== undefined) incidents.push(...abandonedBy(open));
  if (strategy === "StickyBalanced") incidents.push(...excessOf(state.moves));
  const seen: Omit<SimReport, "verdict" | "reasons" | "thresholds"> = {
    ...run,
    partitionChanges: state.partitions.counts,
    messages: messagesOf(totals, loadMs),
    ownership: {
      ...{ interleavings, excusedOverlaps },
      unprovenOverlaps: unprovenOverlaps.length,
    },
    balance: { strategy, maxOverMean: rounded(state.sharing?.maxOverMean) },
    chaos,
    moves: { ...state.moves.count, overNeeded: rounded(overNeeded(state.moves)) },
    memory,
    recoveryMs: measurements.recovery.fromKill.percentiles(),
    recoveryOwnedMs: measurements.recovery.untilOwned.percentiles(),
    recoveryFromWorkMs: measurements.recovery.fromWork.percentiles(),
    takeoverMs: measurements.recovery.fromPause.percentiles(),
    recoveryWithoutWork: open.filter(({ takenOver }) => takenOver).length,
    wholeMs: wholeAgain(chaos),
    handoffMs: measurements.handoff.percentiles(),
    handoffWithoutWork: measurements.idleMoves,
    handoffVacancyMs: measurements.vacancies.durations.percentiles(),
    latencyMs: measurements.latency.percentiles(),
    unmovedLatencyMs: unmoved.percentiles(),
    unmovedPartitions: measurements.unmovedPartitions,
    slowest: {
      recovery: measurements.recovery.slowest.items,
      recoveryFromWork: measurements.recovery.slowestFromWork.items,
      handoff: measurements.slowHandoffs.items,
      handoffVacancy: measurements.vacancies.slowest.items,
      unmoved: measurements.slowUnmoved.items,
    },
    workers: workersOf(fleet, state.sharing?.shares ?? []),
    defects: ledger.defects(waiting).filter(({ kind, partition }) => {
      return isSentKnown || kind !== "unexpected" || partition < 0;
    }),
    incidents,
  };
  // What ended the run is told as it was then: figures of a moment may have changed since.
  const thresholds = checkThresholds(findings.thresholds, seen).map((result) =>
    endedBy.find(({ threshold }) => threshold === result.threshold) ?? result
  );
  // Of a run that did not come to its end, figures say little.
  const failed = waiting === undefined ? endedBy : thresholds.filter(({ holds }) => !holds);
  return {
    ...judge({
      totals: judged,
      doubts: [...doubts, ...unseen(run.fault)],
      ...{ incidents, failed, machine: run.machine },
    }),
    ...seen,
    thresholds,
  };
}

/** A doubt only counts where nothing has failed: then the planted defect has not struck, or nobody has seen it. */
function unseen(fault: string | null): string[] {
  return fault === null ? [] : [`a defect was planted (${fault}), and nothing of it was seen`];
}

/** What is lost for certain is not under way. */
function withLost(totals: LedgerTotals, lost: number): LedgerTotals {
  return { ...totals, lost, undelivered: totals.undelivered - lost };
}

function messagesOf(totals: LedgerTotals, loadMs: number): SimReport["messages"] {
  return {
    sent: totals.sent,
    received: totals.received,
    effective: totals.effective,
    deadLetters: totals.deadLetters,
    givenUp: totals.givenUp,
    deliveries: totals.deliveries,
    redeliveries: totals.redeliveries,
    unexplainedRedeliveries: totals.unexplainedRedeliveries.length,
    lost: totals.lost,
    duplicateEffects: totals.duplicateEffects,
    outOfOrder: totals.outOfOrder,
    unexpected: totals.unexpected,
    undelivered: totals.undelivered,
    unknownOutcome: totals.unknown,
    perSecond: Math.round(totals.sent / (Math.max(1, loadMs) / 1_000)),
  };
}

function workersOf(fleet: Fleet, shares: readonly Share[]): SimReport["workers"] {
  const partitions = new Map(shares.map((share) => [share.process, share.partitions.length]));
  return fleet.members.filter(({ role }) => role === "worker")
    .map((member) => ({
      id: member.status?.worker || member.name,
      process: member.process,
      pid: pidOf(member),
      rssBytes: member.rssBytes,
      partitions: partitions.get(member.process) ?? 0,
      handled: member.handled,
    }));
}

/** How long the group took to be whole again, over all events after which it was. */
function wholeAgain(chaos: readonly ChaosRecord[]): Percentiles {
  const durations = new DurationHistogram();
  for (const { wholeMs } of chaos) if (wholeMs !== null) durations.record(wholeMs * 1_000);
  return durations.percentiles();
}

/** To a thousandth; null for nothing. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 1_000) / 1_000;
}

/** Moves are too many if they are more than this many times those that had to be, by weight… */
const EXCESS_FACTOR = 2;
/** …and besides more than this part of all weight: in a small run a few moves are much. */
const EXCESS_PART = 0.1;

/** How many times as much weight moved as had to; undefined if none had to. */
function overNeeded({ weight }: Moves): number | undefined {
  return weight.needed === 0 ? undefined : weight.total / weight.needed;
}

/** More moves than a sticky strategy has a reason for. */
function excessOf({ count, weight, totalWeight }: Moves): string[] {
  const excess = weight.total - EXCESS_FACTOR * weight.needed;
  if (excess <= EXCESS_PART * totalWeight) return [];
  return [`needless moves: ${count.total} partitions changed their owner, ${count.needed} had to`];
}

/** Partitions of killed workers that nobody took over: one line for each victim. */
function abandonedBy(open: readonly OpenRecovery[]): string[] {
  const byVictim = new Map<string, number[]>();
  for (const { partition, victim, takenOver } of open) {
    if (!takenOver) byVictim.set(victim, [...byVictim.get(victim) ?? [], partition]);
  }
  return [...byVictim].map(([victim, partitions]) => {
    const shown = partitions.slice(0, 10).join(", ");
    return `never recovered: ${partitions.length} partitions of ${victim}, which was killed, were ` +
      `not taken over by anybody (${shown}${partitions.length > 10 ? ", …" : ""})`;
  });
}
