/**
 * The figures of a run that can be told while it goes on, at the places they have in the report.
 *
 * @module
 */
import type { SimReport } from "../report/report.ts";
import type { RunState } from "../run/run_state.ts";

/** A part of the report. */
export type LiveFigures = { readonly [Key in keyof SimReport]?: Partial<SimReport[Key]> };

/** What is known beside the state. */
export interface LiveFacts {
  /** What is known of the run itself. */
  readonly run: Pick<SimReport, "seed" | "durationMs" | "machine" | "partitions" | "startup">;
  /** What was seen. */
  readonly state: Pick<RunState, "ledger" | "measurements">;
  /** How long producers have been at work, in milliseconds. */
  readonly loadMs: number;
  /** Messages that are lost already; undefined if that cannot be told at the moment. */
  readonly lost: number | undefined;
}

/**
 * Puts them together. Nothing is finished by it, so that it can be asked again.
 *
 * @param facts what is known
 * @returns the figures
 */
export function liveFigures({ run, state, loadMs, lost }: LiveFacts): LiveFigures {
  const { ledger, measurements } = state;
  const { interleavings, ...counts } = ledger.soFar;
  return {
    ...run,
    messages: {
      ...counts,
      ...(lost === undefined ? {} : { lost }),
      perSecond: Math.round(counts.sent / (Math.max(1, loadMs) / 1_000)),
    },
    ownership: { interleavings },
    recoveryMs: measurements.recovery.fromKill.percentiles(),
    recoveryOwnedMs: measurements.recovery.untilOwned.percentiles(),
    recoveryFromWorkMs: measurements.recovery.fromWork.percentiles(),
    takeoverMs: measurements.recovery.fromPause.percentiles(),
    handoffMs: measurements.handoff.percentiles(),
    handoffWithoutWork: measurements.idleMoves,
    handoffVacancyMs: measurements.vacancies.durations.percentiles(),
    latencyMs: measurements.latency.percentiles(),
    unmovedLatencyMs: measurements.unmovedSoFar.percentiles(),
    unmovedPartitions: measurements.unmovedPartitions,
  };
}
