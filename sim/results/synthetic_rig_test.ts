/**
 * Made-up runs of any size, for whoever reads or draws runs. No test of its own.
 *
 * @module
 */
import { NOTHING_EXCUSED } from "../ledger/overlaps.ts";
import type { ChaosRecord, SimReport } from "../report/report.ts";
import { OwnerLog } from "../series/owner_log.ts";
import { type Series, SERIES_FORMAT, SERIES_VERSION } from "../series/series.ts";
import { Timeline } from "../series/timeline.ts";

/** How large it is. */
export interface Size {
  readonly partitions: number;
  readonly workers: number;
  readonly seconds: number;
}

const SMALL: Size = { partitions: 12, workers: 3, seconds: 60 };
const WARM_UP_S = 3;
const EVENT_EVERY_S = 20;

/** A run in which now and then a worker is killed and comes back a few seconds later. */
export function syntheticRun(size: Size = SMALL): { report: SimReport; series: Series } {
  const chaos = events(size);
  return { report: syntheticReport({ chaos }, size), series: seriesOf(size, chaos) };
}

/** A report in which nothing is wrong, but for the changes. */
export function syntheticReport(changes: Partial<SimReport> = {}, size: Size = SMALL): SimReport {
  const { partitions, workers, seconds } = size;
  const sent = partitions * seconds;
  const grown = { mb: 100, growth: 1.01 };
  const times = { count: 100, p50: 1.5, p99: 20, max: 42.5 };
  return {
    ...{ verdict: "pass", reasons: [], runId: "1a2b3c4d", seed: 42 },
    ...{ configFile: "configs/quick.yaml", fault: null },
    arguments: ["sim", "--config", "configs/quick.yaml", "--seed", "42"],
    config: { partitions: { count: partitions }, workers: { count: workers } },
    ...{ startedAt: "2026-11-27T10:00:00.000Z", durationMs: (seconds + 8) * 1_000 },
    ...{ natsServerVersion: "2.15.1", partitions },
    machine: {
      cpus: 2,
      loadAverageBefore: 0.5,
      loadAverageHighest: 2.5,
      loadAverageAfter: 2,
      overloadedPart: 0,
      stolenPart: 0,
    },
    startup: { workers, allStableMs: 950 },
    messages: {
      ...{ sent, received: sent, effective: sent, deliveries: sent + 2, redeliveries: 2 },
      ...{ unexplainedRedeliveries: 0, lost: 0, duplicateEffects: 0, outOfOrder: 0 },
      ...{ unexpected: 0, undelivered: 0, unknownOutcome: 0, perSecond: partitions },
    },
    ownership: {
      interleavings: 0,
      excusedOverlaps: { ...NOTHING_EXCUSED },
      unprovenOverlaps: 0,
    },
    ...{ balance: { strategy: "StickyBalanced", maxOverMean: 1.08 }, chaos: [] },
    ...{
      moves: { total: 30, needed: 30, overNeeded: 1 },
      recoveryMs: times,
      recoveryFromWorkMs: times,
    },
    ...{ takeoverMs: { count: 0, p50: null, p99: null, max: null }, recoveryWithoutWork: 0 },
    ...{ recoveryOwnedMs: times, wholeMs: times },
    memory: { process: grown, largest: grown, coordinator: grown, server: grown },
    ...{ handoffMs: times, handoffWithoutWork: 3, handoffVacancyMs: times, latencyMs: times },
    ...{ unmovedLatencyMs: times, unmovedPartitions: { kept: 90, moved: 10 } },
    thresholds: [
      {
        ...{ threshold: "recoveryMs.p99 <= 1000ms", figure: "recoveryMs.p99" },
        ...{ operator: "<=", limit: 1_000, actual: 20, holds: true },
      },
      {
        ...{ threshold: "takeoverMs.p99 <= 5000ms", figure: "takeoverMs.p99" },
        ...{ operator: "<=", limit: 5_000, actual: null, holds: true },
      },
    ],
    slowest: { recovery: [], recoveryFromWork: [], handoff: [], handoffVacancy: [], unmoved: [] },
    workers: Array.from({ length: workers }, (_, index) => ({
      ...{ id: `worker-${index}`, process: `worker-${index}#1`, pid: 1_000 + index },
      ...{ rssBytes: 90_000_000, partitions: Math.round(partitions / workers) },
      handled: Math.round(sent / workers),
    })),
    ...{ defects: [], incidents: [] },
    ...changes,
  } as SimReport;
}

function events({ workers, seconds }: Size): ChaosRecord[] {
  const count = Math.floor((seconds - 5) / EVENT_EVERY_S);
  return Array.from({ length: count }, (_, index) => ({
    ...{ number: index + 1, atMs: (index + 1) * EVENT_EVERY_S * 1_000, type: "worker_crash" },
    target: `worker-${victim(index, workers)}`,
    recoveredMs: index % 7 === 6 ? null : 300 + 40 * (index % 5),
    moves: { total: 8, needed: 8 },
  } as ChaosRecord));
}

function victim(event: number, workers: number): number {
  return (event * 7 + 1) % workers;
}

/** Owners follow the events: who is killed has nothing, the others have its partitions, and it gets them back. */
function seriesOf({ partitions, workers, seconds }: Size, chaos: readonly ChaosRecord[]): Series {
  const log = new OwnerLog(partitions);
  const timeline = new Timeline();
  for (let partition = 0; partition < partitions; partition++) {
    log.acquired(`worker-${partition % workers}#1`, [partition], 500_000 + partition * 100);
  }
  let [moves, crash] = [log.moves, 0];
  for (let second = 1; second <= seconds + WARM_UP_S + 2; second++) {
    const loadS = second - WARM_UP_S;
    const event = chaos.findIndex(({ atMs }) => atMs === loadS * 1_000);
    if (event >= 0) {
      crash = second;
      const gone = victim(event, workers);
      for (let partition = gone; partition < partitions; partition += workers) {
        const other = (gone + 1 + Math.floor(partition / workers)) % workers;
        log.letGo(`worker-${gone}#1`, [partition], second * 1_000_000);
        log.acquired(`worker-${other}#1`, [partition], second * 1_000_000 + 300_000);
        log.acquired(`worker-${gone}#1`, [partition], (second + 5) * 1_000_000);
      }
    }
    const busy = loadS > 0 && loadS <= seconds;
    const since = crash === 0 ? 99 : second - crash;
    timeline.add({
      untilMs: second * 1_000,
      sent: busy ? partitions + (second * 7) % 13 : 0,
      handled: busy ? partitions + (second * 11) % 13 : 0,
      latencyP50Ms: busy ? 8 + (second % 3) / 10 : null,
      latencyP99Ms: busy ? since < 2 ? 320 : 15 + (second % 11) : null,
      waiting: since < 2 ? partitions / 4 : second % 3,
      stable: Math.min(workers, since < 3 ? workers - 2 : workers),
      workers: since < 3 ? workers - 1 : workers,
      ...{ moves: log.moves - moves, defects: 0, gaps: 0, rssBytes: workers * 9e7 + second * 1e5 },
      ...{ meanRssBytes: 9e7, largestRssBytes: 1e8, coordinatorRssBytes: 2e8, serverRssBytes: 5e7 },
    });
    moves = log.moves;
  }
  return {
    ...{ format: SERIES_FORMAT, version: SERIES_VERSION, runId: "1a2b3c4d" },
    stepMs: 1_000 * timeline.every,
    phases: [
      { phase: "warm-up", atMs: 0 },
      { phase: "load", atMs: WARM_UP_S * 1_000 },
      { phase: "heal", atMs: (WARM_UP_S + seconds) * 1_000 },
    ],
    ...{ samples: timeline.columns, owners: log.changes(0) },
  };
}
