/**
 * The result of a run: the verdict with its reasons, the figures as JSON and the block for people.
 *
 * @module
 */
import type { ChaosType } from "../config/config_schema.ts";
import { dependsOnSpeed } from "../config/figures.ts";
import type { Excuse } from "../ledger/impairments.ts";
import type { Defect, LedgerTotals } from "../ledger/ledger.ts";
import type { Percentiles } from "../measure/histogram.ts";
import { isOverloaded, loadText, type Machine } from "../measure/machine_load.ts";
import type { MemoryTrend } from "../measure/memory_trend.ts";
import type { MoveCount } from "../measure/moves.ts";
import type { SlowItem } from "../measure/slowest.ts";
import { brokenInvariants } from "./invariants.ts";
import { describeFailed, type ThresholdResult } from "./thresholds.ts";

/** The result's name in the folder of a run. */
export const REPORT_FILE = "report.json";

/** What a run comes to: it holds, it does not, or nobody can tell. */
export type Verdict = "pass" | "fail" | "unknown";

/** One chaos event as it happened. */
export interface ChaosRecord {
  /** Its number in the plan, from 1. */
  readonly number: number;
  /** When, in milliseconds since the load began. */
  readonly atMs: number;
  /** What. */
  readonly type: ChaosType;
  /** Whom it hit, or what was done. */
  readonly target: string;
  /** How long until all was well again; null if that was not seen. */
  recoveredMs: number | null;
  /**
   * How long after the end of its own fault the group was whole again, without the time in which another fault was under way; null if that
   * was not seen.
   */
  wholeMs: number | null;
  /** Why it failed: the group was not whole again in time, or a defect showed before it was. */
  failed?: string;
  /** Partitions that changed their owner until the next event, and those of them that had to. */
  readonly moves: Readonly<MoveCount>;
  /** Why nothing was done, if nothing was. */
  readonly skipped?: string;
}

/** `report.json`. Fields are added, never renamed. */
export interface SimReport {
  /** The verdict. */
  readonly verdict: Verdict;
  /** Why it is not `pass`; empty if it is. */
  readonly reasons: readonly string[];
  /** The run's name on the server. */
  readonly runId: string;
  /** The seed: the same run again with `--seed`. */
  readonly seed: number;
  /** The configuration's file. */
  readonly configFile: string;
  /** What `parti` has to be called with for the same run again; not in reports of before 2026-12. */
  readonly arguments?: readonly string[];
  /** The effective configuration, as its YAML would be; not in reports of before 2026-12. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The planted defect, if any. */
  readonly fault: string | null;
  /** When the run began, in ISO 8601. */
  readonly startedAt: string;
  /** The whole run, from the first process to the verdict. */
  readonly durationMs: number;
  /** How often another coordinator went on from a checkpoint: the run was resumed, or chaos had killed the one before. */
  readonly resumed: number;
  /** The server. */
  readonly natsServerVersion: string;
  /** The machine: figures mean little where other work runs beside. */
  readonly machine: Machine;
  /** How many partitions there were at the beginning. */
  readonly partitions: number;
  /** How many came while it ran, and how many went. */
  readonly partitionChanges: { readonly added: number; readonly removed: number };
  /** The start: from the first worker's readiness until all were Stable at once; null if that was not reached. */
  readonly startup: { readonly workers: number; readonly allStableMs: number | null };
  /** The counts. */
  readonly messages: {
    readonly sent: number;
    readonly received: number;
    readonly effective: number;
    readonly deadLetters: number;
    readonly givenUp: number;
    readonly deliveries: number;
    readonly redeliveries: number;
    readonly unexplainedRedeliveries: number;
    readonly lost: number;
    readonly duplicateEffects: number;
    readonly outOfOrder: number;
    readonly unexpected: number;
    readonly undelivered: number;
    readonly unknownOutcome: number;
    readonly perSecond: number;
  };
  /**
   * Owners mixed up in one partition, or handlers at work in it at once; the latter where one of them could not know better; and where
   * only a worker's own word, or clocks that differ, speak for it.
   */
  readonly ownership: {
    readonly interleavings: number;
    readonly excusedOverlaps: Readonly<Record<Excuse, number>>;
    readonly unprovenOverlaps: number;
  };
  /** How evenly the partitions were shared in the end: the highest load over the mean one, null if the group did not heal. */
  readonly balance: { readonly strategy: string; readonly maxOverMean: number | null };
  /** The chaos events, in order. */
  readonly chaos: readonly ChaosRecord[];
  /**
   * Partitions that changed their owner under load; those of them whose owner had gone, or that gave a newcomer its share; and how many
   * times as much weight moved as had to, null if none had to.
   */
  readonly moves: Readonly<MoveCount> & { readonly overNeeded: number | null };
  /** Kill → each partition of the victim handled again elsewhere. */
  readonly recoveryMs: Percentiles;
  /** Kill → each partition of the victim acquired by another worker, whatever there was to handle. */
  readonly recoveryOwnedMs: Percentiles;
  /** The same as `recoveryMs`, but from when the message was there, if that was after the kill; only where it came before the partition was acquired. */
  readonly recoveryFromWorkMs: Percentiles;
  /** Beginning of a pause → each partition of the worker that stands still handled again elsewhere. */
  readonly takeoverMs: Percentiles;
  /** Partitions of killed workers that somebody has taken over and that had no message since. */
  readonly recoveryWithoutWork: number;
  /**
   * Planned moves in which a message had to wait: the old owner's last effect or, if that was later, the arrival of the new owner's first
   * message → that message's effect.
   */
  readonly handoffMs: Percentiles;
  /** Planned moves in which no message had to wait: these are not in `handoffMs`. */
  readonly handoffWithoutWork: number;
  /** Planned moves, all of them: the old owner's release → the new owner's acquisition. */
  readonly handoffVacancyMs: Percentiles;
  /** What processes take late in the run, and by which factor that has grown since they were warm. */
  readonly memory: MemoryTrend;
  /** The `wholeMs` of all chaos events after which the group was whole again. */
  readonly wholeMs: Percentiles;
  /** Publish → effect. */
  readonly latencyMs: Percentiles;
  /** The same in the 5 s after each chaos event, for partitions that keep their owner. */
  readonly unmovedLatencyMs: Percentiles;
  /** How many partitions these are, and how many are left out because they moved; summed over the events. */
  readonly unmovedPartitions: { readonly kept: number; readonly moved: number };
  /** The thresholds of the configuration, and whether the figures keep to them. */
  readonly thresholds: readonly ThresholdResult[];
  /** The slowest of each, to look into. */
  readonly slowest: {
    readonly recovery: readonly SlowItem[];
    readonly recoveryFromWork: readonly SlowItem[];
    readonly handoff: readonly SlowItem[];
    readonly handoffVacancy: readonly SlowItem[];
    readonly unmoved: readonly SlowItem[];
  };
  /** Every worker process of the run: what it owned once the group had healed, and how many effects are its. */
  readonly workers: readonly {
    readonly id: string;
    readonly process: string;
    readonly pid: number;
    readonly rssBytes: number;
    readonly partitions: number;
    readonly handled: number;
  }[];
  /** What is wrong, written out; bounded. */
  readonly defects: readonly Defect[];
  /** What happened that should not have, though no message suffered. */
  readonly incidents: readonly string[];
}

/** Of things that only cast doubt so many are written out in the reasons. */
const SHOWN = 3;

/** What the verdict is made from. */
export interface Evidence {
  /** The book's sums. */
  readonly totals: LedgerTotals;
  /** Why the run could not be judged, from its course. */
  readonly doubts: readonly string[];
  /** What went wrong apart from messages, such as a worker that ended by itself. */
  readonly incidents: readonly string[];
  /** Thresholds that figures do not keep to. */
  readonly failed: readonly ThresholdResult[];
  /** Where it ran. */
  readonly machine: Machine;
}

/**
 * Judges a run. A defect that was seen is a failure even where something else could not be seen.
 *
 * @param evidence what was seen
 * @returns the verdict and why
 */
export function judge(evidence: Evidence): { verdict: Verdict; reasons: string[] } {
  const { totals } = evidence;
  // Who has too little of the machine is slow through no fault of the group's; but that loses no message.
  const overloaded = isOverloaded(evidence.machine);
  const { slow = [], failed = [] } = Object.groupBy(
    evidence.failed,
    ({ figure }) => overloaded && dependsOnSpeed(figure) ? "slow" : "failed",
  );
  const reasons = [
    ...brokenInvariants(totals),
    ...evidence.incidents,
    ...failed.map(describeFailed),
  ];
  if (reasons.length > 0) return { verdict: "fail", reasons };
  const doubts = [...evidence.doubts];
  if (slow.length > 0) {
    doubts.push(
      ...slow.map(describeFailed),
      `the machine was overloaded: ${loadText(evidence.machine)}`,
    );
  }
  if (totals.unknown > 0) {
    doubts.push(`${totals.unknown} publications of unknown outcome were never settled`);
  }
  if (totals.unread > 0) {
    doubts.push(
      `${totals.unread} messages have no effect that was read, and may have had one that was gone before`,
    );
  }
  if (totals.uncheckedHandlers > 0) {
    doubts.push(
      `${totals.uncheckedHandlers} handlers were reported too late to be compared with others`,
    );
  }
  if (totals.unkeptHandlers > 0) {
    doubts.push(`${totals.unkeptHandlers} pairs of handlers were too many to be judged`);
  }
  const { unprovenOverlaps: unproven, unexplainedRedeliveries: unexplained } = totals;
  if (unproven.length > 0) {
    doubts.push(
      `${unproven.length} times two handlers seem to have been at work at once, and only a worker's own ` +
        `word, or clocks that differ, speak for it: ${someOf(unproven)}`,
    );
  }
  if (unexplained.length > 0) {
    doubts.push(`${unexplained.length} redeliveries that nothing explains: ${someOf(unexplained)}`);
  }
  if (totals.holes > 0) doubts.push(`producers left out ${totals.holes} sequences`);
  if (totals.sent === 0) doubts.push("no message was sent");
  return doubts.length > 0 ? { verdict: "unknown", reasons: doubts } : {
    verdict: "pass",
    reasons: [],
  };
}

function someOf(sentences: readonly string[]): string {
  return sentences.slice(0, SHOWN).join("; ") + (sentences.length > SHOWN ? "; …" : "");
}
