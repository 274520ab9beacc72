/**
 * What a run tells of itself: its figures while it goes on, and its report in the end.
 *
 * @module
 */
import type { SimulationConfig } from "../config/config_schema.ts";
import type { IntervalSet } from "../ledger/intervals.ts";
import { memoryTrend } from "../measure/memory_trend.ts";
import type { SimReport } from "../report/report.ts";
import type { ThresholdResult } from "../report/thresholds.ts";
import { orAborted } from "../run/wait.ts";
import { loadFromMs } from "../series/series.ts";
import { conclude } from "./conclude.ts";
import { liveFigures } from "./live_figures.ts";
import { lostSoFar } from "./live_loss.ts";
import type { Parts } from "./parts.ts";
import type { RunMetrics } from "./run_metrics.ts";
import type { RunOptions } from "./run_options.ts";
import type { RunPage } from "./run_page.ts";
import type { Stage } from "./stage.ts";

/**
 * The version of the server, as it was last heard of.
 *
 * @param stage the connection to it
 */
export function versionOf({ nc }: { readonly nc: Pick<Stage["nc"], "info"> }): string {
  if (nc.info !== undefined) versions.set(nc, nc.info.version);
  return versions.get(nc) ?? "";
}

/** While it is away the connection does not know it any more. */
const versions = new WeakMap<object, string>();

/**
 * The figures as they are now.
 *
 * @param parts the run
 * @param signal ends the looking
 */
export async function figuresNow(parts: Parts, signal: AbortSignal): Promise<object> {
  const { facts, state, stage } = parts;
  const lost = await lostNow(parts, signal);
  const { loadMs } = facts;
  return liveFigures({ run: facts.tell(versionOf(stage)), state, loadMs, lost });
}

function lostNow(
  { state: { ledger }, stage, reader }: Parts,
  signal: AbortSignal,
): Promise<number | undefined> {
  return lostSoFar({ ledger, stage, reader, signal });
}

/** How long the server is asked in the end, in milliseconds: it may be away, and whoever has interrupted a run waits for it. */
const LAST_LOOK_MS = 2_000;

/**
 * Messages that are lost for certain, of a run that was not drained: they were passed over, are not in the feed any more, and have no effect.
 *
 * @param parts the run
 * @returns how many; 0 if that cannot be told
 */
export async function lostForCertain(parts: Parts): Promise<number> {
  const signal = AbortSignal.timeout(LAST_LOOK_MS);
  let lost: number | undefined;
  await orAborted(lostNow(parts, signal).then((known) => lost = known), signal);
  return lost ?? 0;
}

/** Where a run can be looked at. */
export interface Showing {
  /** For Prometheus. */
  readonly metrics: RunMetrics;
  /** For people. */
  readonly page: RunPage;
}

/**
 * Shows the run from now on.
 *
 * @param showing where
 * @param parts the run
 * @param options what it is made from
 */
export function showRun({ metrics, page }: Showing, parts: Parts, options: RunOptions): void {
  const { config, seed, runId, console } = options;
  const { state, fleet, chaos, watch, observer, stage, facts } = parts;
  console.log("INFO", "Started coordinator");
  if (metrics.url !== undefined) console.log("INFO", `Metrics: ${metrics.url}`);
  const lost = (signal: AbortSignal) => lostNow(parts, signal);
  page.show({
    ...{ state, fleet, watch, lost },
    durationMs: config.simulation.duration,
    loadMs: () => facts.loadMs,
    chaos: () => chaos.records,
    moving: () => observer.moving,
  }, console);
  const info = {
    run_id: runId,
    seed: String(seed),
    strategy: config.workers.assignment_strategy,
    nats_server: versionOf(stage),
  };
  metrics.show({
    lost,
    view: () => ({
      ...{ state, fleet, info, observer },
      ...{ chaos: chaos.records, phase: watch.phase },
    }),
  });
}

/** How a run ended. */
export interface RunEnd {
  /** Its configuration. */
  readonly config: SimulationConfig;
  /** The thresholds that ended it before its time. */
  readonly endedBy: readonly ThresholdResult[];
  /** What is left in the feed, by partition; undefined if that is not known. */
  readonly waiting: Map<number, IntervalSet> | undefined;
  /** Messages that are lost for certain, where that is not known. */
  readonly lost: number;
}

/**
 * Makes the report.
 *
 * @param parts the run
 * @param end how it ended
 */
export function concludeRun(parts: Parts, { config, endedBy, waiting, lost }: RunEnd): SimReport {
  const { facts, state, fleet, chaos, reader, stage, watch, loadControl } = parts;
  const { samples, phases } = watch.soFar;
  if (reader.missed > 0) {
    state.doubts.push(`${reader.missed} effects were gone before they were read`);
  }
  if (waiting !== undefined) chaos.blame(state.ledger.defects(waiting));
  return conclude({
    ...{ state, fleet, endedBy, waiting, lost },
    isSentKnown: loadControl.isToldAll,
    run: facts.tell(versionOf(stage)),
    strategy: config.workers.assignment_strategy,
    thresholds: config.thresholds,
    loadMs: facts.loadMs,
    memory: memoryTrend(samples, loadFromMs({ phases })),
    chaos: chaos.records,
  });
}
