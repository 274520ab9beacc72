/**
 * Puts the report together from all that was seen.
 *
 * @module
 */
import type { Fleet } from "./fleet.ts";
import type { IntervalSet } from "./intervals.ts";
import { type ChaosRecord, judge, type SimReport } from "./report.ts";
import type { RunState } from "./run_state.ts";

/** What a report is made from. */
export interface Findings {
  /** What is known of the run itself. */
  readonly run: Pick<
    SimReport,
    | "runId"
    | "seed"
    | "configFile"
    | "fault"
    | "startedAt"
    | "durationMs"
    | "natsServerVersion"
    | "machine"
    | "partitions"
    | "startup"
  >;
  /** How long producers were at work, in milliseconds. */
  readonly loadMs: number;
  /** What was seen. */
  readonly state: RunState;
  /** The processes. */
  readonly fleet: Fleet;
  /** The chaos events. */
  readonly chaos: readonly ChaosRecord[];
  /** What is left in the feed, by partition; undefined if the run was interrupted before it was drained. */
  readonly waiting: ReadonlyMap<number, IntervalSet> | undefined;
}

/**
 * Makes the report.
 *
 * @param findings what was seen
 * @returns the report
 */
export function conclude(findings: Findings): SimReport {
  const { run, state, fleet, chaos, waiting, loadMs } = findings;
  const { ledger, measurements, doubts, incidents } = state;
  const totals = ledger.totals(waiting);
  // Work was still under way when a run is interrupted: what is missing then is no defect.
  const judged = waiting !== undefined
    ? totals
    : { ...totals, undelivered: 0, unexpected: 0, unknown: 0, holes: 0 };
  const { unknown, interleavings, holes: _holes, ...counts } = totals;
  const unmoved = measurements.finishUnmoved();
  return {
    ...judge({ totals: judged, doubts, incidents }),
    ...run,
    messages: {
      ...counts,
      unknownOutcome: unknown,
      perSecond: Math.round(totals.sent / (Math.max(1, loadMs) / 1_000)),
    },
    ownership: { interleavings },
    chaos,
    recoveryMs: measurements.recovery.fromKill.percentiles(),
    recoveryFromWorkMs: measurements.recovery.fromWork.percentiles(),
    handoffMs: measurements.handoff.percentiles(),
    latencyMs: measurements.latency.percentiles(),
    unmovedLatencyMs: unmoved.percentiles(),
    slowest: {
      recovery: measurements.recovery.slowest.items,
      handoff: measurements.slowHandoffs.items,
      unmoved: measurements.slowUnmoved.items,
    },
    workers: fleet.members.filter(({ role }) => role === "worker")
      .map(({ name, process, pid, rssBytes, status }) => ({
        id: status?.worker || name,
        process,
        pid,
        rssBytes,
      })),
    defects: waiting === undefined ? [] : ledger.defects(waiting),
    incidents,
  };
}
