/**
 * What a file has to look like to be the report, or the series, of a run. More fields than these may be there: they are added over time.
 *
 * @module
 */
import { z } from "zod";
import { SERIES_FORMAT, SERIES_VERSION } from "../series/series.ts";

const text = z.string();
const count = z.number();
const maybe = z.number().nullable();
const percentiles = z.looseObject({ count, p50: maybe, p99: maybe, max: maybe });
const NOTHING = { count: 0, p50: null, p99: null, max: null };
const moves = z.looseObject({ total: count, needed: count });
const grown = z.looseObject({ mb: maybe, growth: maybe }).default({ mb: null, growth: null });
const slow = z.array(z.looseObject({}));

const chaosRecord = z.looseObject({
  ...{ atMs: count, type: text, target: text, recoveredMs: maybe, moves },
  skipped: text.optional(),
});

const threshold = z.looseObject({
  ...{ threshold: text, figure: text, operator: text, limit: count, actual: maybe },
  holds: z.boolean(),
});

const worker = z.looseObject({
  ...{ id: text, process: text, pid: count, rssBytes: count, partitions: count, handled: count },
});

const machine = z.looseObject({
  ...{ cpus: count, loadAverageBefore: count, loadAverageHighest: count, loadAverageAfter: count },
  overloadedPart: count.default(0),
  stolenPart: count.default(0),
});

const messages = z.looseObject({
  ...{ sent: count, received: count, effective: count, deliveries: count, redeliveries: count },
  ...{ unexplainedRedeliveries: count, lost: count, duplicateEffects: count, outOfOrder: count },
  ...{ unexpected: count, undelivered: count, unknownOutcome: count, perSecond: count },
});

/** `report.json`. */
export const reportSchema = z.looseObject({
  verdict: z.enum(["pass", "fail", "unknown"]),
  reasons: z.array(text),
  ...{ runId: text, seed: count, configFile: text, fault: text.nullable(), startedAt: text },
  arguments: z.array(text).optional(),
  config: z.looseObject({}).optional(),
  ...{ durationMs: count, natsServerVersion: text, machine, partitions: count },
  startup: z.looseObject({ workers: count, allStableMs: maybe }),
  messages,
  ownership: z.looseObject({
    interleavings: count,
    excusedOverlaps: z.record(text, count),
    unprovenOverlaps: count.default(0),
  }),
  balance: z.looseObject({ strategy: text, maxOverMean: maybe }),
  chaos: z.array(chaosRecord),
  moves: moves.extend({ overNeeded: maybe.default(null) }),
  ...{ recoveryMs: percentiles, recoveryFromWorkMs: percentiles, takeoverMs: percentiles },
  recoveryOwnedMs: percentiles.default(NOTHING),
  wholeMs: percentiles.default(NOTHING),
  ...{ handoffMs: percentiles, handoffVacancyMs: percentiles },
  ...{ latencyMs: percentiles, unmovedLatencyMs: percentiles },
  ...{ recoveryWithoutWork: count, handoffWithoutWork: count },
  memory: z.looseObject({ process: grown, largest: grown, coordinator: grown, server: grown })
    .prefault({}),
  unmovedPartitions: z.looseObject({ kept: count, moved: count }),
  thresholds: z.array(threshold),
  slowest: z.looseObject({
    recovery: slow,
    recoveryFromWork: slow.default([]),
    handoff: slow,
    handoffVacancy: slow,
    unmoved: slow,
  }),
  workers: z.array(worker),
  defects: z.array(z.looseObject({ kind: text, partition: count, detail: text })),
  incidents: z.array(text),
});

const counts = z.array(count);
const columns = z.array(maybe);
/** A column that older files lack. */
const later = counts.optional();

/** `series.json`. */
export const seriesSchema = z.looseObject({
  format: z.literal(SERIES_FORMAT),
  version: z.literal(SERIES_VERSION),
  runId: text,
  stepMs: count,
  phases: z.array(z.looseObject({ phase: text, atMs: count })),
  samples: z.looseObject({
    ...{ untilMs: counts, sent: counts, handled: counts, waiting: counts, stable: counts },
    ...{ workers: counts, moves: counts, defects: counts, gaps: counts, rssBytes: counts },
    ...{ latencyP50Ms: columns, latencyP99Ms: columns },
    ...{ meanRssBytes: later, largestRssBytes: later },
    ...{ coordinatorRssBytes: later, serverRssBytes: later },
  }).refine(isEven, "the columns are not of the same length"),
  owners: z.looseObject({
    processes: z.array(text),
    resolutionMs: count,
    ...{ atMs: counts, partition: counts, owner: counts },
  }).refine(
    ({ atMs, partition, owner }) => isEven({ atMs, partition, owner }),
    "the columns are not of the same length",
  ),
});

function isEven(columns: Readonly<Record<string, unknown>>): boolean {
  const lengths = Object.values(columns).filter(Array.isArray).map(({ length }) => length);
  return new Set(lengths).size <= 1;
}
