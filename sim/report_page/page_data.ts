/**
 * What the charts of a page are drawn from.
 *
 * @module
 */
import type { SimReport } from "../report/report.ts";
import { loadFromMs, type OwnerChanges, runMsOf, type Series } from "../series/series.ts";

/** Times are seconds since the load began; `browser/` reads this. */
export interface PageData {
  /** The beginning of the picture and its end. */
  readonly range: readonly [number, number];
  /** The end of each sample, and what happened in it. */
  readonly samples: Readonly<Record<string, readonly (number | null)[]>>;
  /** Chaos events that happened: their numbers in the plan, when, until when if that was seen, and what. */
  readonly events: readonly {
    readonly number: number;
    readonly at: number;
    readonly until: number | null;
    readonly text: string;
  }[];
  /** Who had what: a row of the picture is a partition. */
  readonly owners: {
    readonly partitions: number;
    readonly workers: readonly string[];
    readonly at: readonly number[];
    readonly partition: readonly number[];
    readonly owner: readonly number[];
  };
}

/** What happened in a small part of a step, such as the last one, makes no rate. */
const LEAST_PART = 0.25;

/**
 * Puts it together.
 *
 * @param report the report
 * @param series the series
 * @returns the data
 */
export function pageData(report: SimReport, series: Series): PageData {
  const fromMs = loadFromMs(series);
  const seconds = (ms: number) => Math.round(ms - fromMs) / 1_000;
  const { untilMs } = series.samples;
  const highest = series.owners.partition.reduce((most, one) => Math.max(most, one), -1);
  return {
    range: [seconds(0), seconds(untilMs.at(-1) ?? 0)],
    samples: chartSamples(series),
    events: report.chaos.flatMap(({ number, atMs, recoveredMs, type, target, skipped }) => {
      if (skipped !== undefined) return [];
      const at = seconds(runMsOf(series, atMs));
      const until = recoveredMs === null ? null : at + recoveredMs / 1_000;
      return [{ number, at, until, text: `${type} ${target}` }];
    }),
    // More may have come than there were in the beginning.
    owners: {
      partitions: Math.max(report.partitions, highest + 1),
      ...ownersByName(series.owners, seconds),
    },
  };
}

/**
 * The samples as charts draw them.
 *
 * @param series the series
 * @returns columns of the same length; `at` has the end of each sample
 */
export function chartSamples(
  series: Pick<Series, "stepMs" | "phases" | "samples">,
): PageData["samples"] {
  const fromMs = loadFromMs(series);
  const { stepMs, samples } = series;
  const { untilMs } = samples;
  // Files of before 2026-12 lack these; 0 is not known.
  const megabytes = (bytes: readonly number[] = untilMs.map(() => 0)) =>
    bytes.map((one) => one === 0 ? null : Math.round(one / 1e5) / 10);
  const perSecond = (counts: readonly number[]) =>
    counts.map((count, row) => {
      const ms = untilMs[row]! - (row === 0 ? 0 : untilMs[row - 1]!);
      return ms < stepMs * LEAST_PART ? null : Math.round(count / ms * 10_000) / 10;
    });
  return {
    at: untilMs.map((ms) => Math.round(ms - fromMs) / 1_000),
    sent: perSecond(samples.sent),
    handled: perSecond(samples.handled),
    p50: samples.latencyP50Ms,
    p99: samples.latencyP99Ms,
    waiting: samples.waiting,
    stable: samples.stable,
    workers: samples.workers,
    moves: samples.moves,
    gaps: samples.gaps,
    wrong: samples.defects.map((count, row) => count - (samples.defects[row - 1] ?? 0)),
    meanMb: megabytes(samples.meanRssBytes),
    largestMb: megabytes(samples.largestRssBytes),
    coordinatorMb: megabytes(samples.coordinatorRssBytes),
    serverMb: megabytes(samples.serverRssBytes),
  };
}

/** A worker that comes back is the same one, and has the same colour. */
function ownersByName(
  { processes, atMs, partition, owner }: OwnerChanges,
  seconds: (ms: number) => number,
): Omit<PageData["owners"], "partitions"> {
  const names = processes.map(workerName);
  const workers = [...new Set(names)].sort(byName);
  const numbers = names.map((name) => workers.indexOf(name));
  return {
    workers,
    at: atMs.map(seconds),
    partition,
    owner: owner.map((process) => numbers[process] ?? -1),
  };
}

/**
 * The name of a worker, whatever its incarnation.
 *
 * @param process such as `worker-4#2`
 */
export function workerName(process: string): string {
  return process.replace(/#\d+$/, "");
}

/**
 * Compares names as people do: `worker-2` comes before `worker-10`.
 *
 * @param a the one
 * @param b the other
 */
export function byName(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
