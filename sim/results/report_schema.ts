/**
 * What a file has to look like to be the report, or the series, of a run. More fields than these may be there: they are added over time.
 *
 * @module
 */
import * as v from "valibot";
import { mapping } from "../../lib/config/schema_objects.ts";
import { SERIES_FORMAT, SERIES_VERSION } from "../series/series.ts";

const text = v.string();
const count = v.pipe(v.number(), v.finite());
const maybe = v.nullable(count);
const percentiles = v.looseObject({ count, p50: maybe, p99: maybe, max: maybe });
const NOTHING = { count: 0, p50: null, p99: null, max: null };
const moves = v.looseObject({ total: count, needed: count });
const grown = v.optional(v.looseObject({ mb: maybe, growth: maybe }), { mb: null, growth: null });
const anything = mapping(v.unknown());
const slow = v.array(anything);

const chaosRecord = v.looseObject({
  ...{ atMs: count, type: text, target: text, recoveredMs: maybe, moves },
  skipped: v.optional(text),
});

const threshold = v.looseObject({
  ...{ threshold: text, figure: text, operator: text, limit: count, actual: maybe },
  holds: v.boolean(),
});

const worker = v.looseObject({
  ...{ id: text, process: text, pid: count, rssBytes: count, partitions: count, handled: count },
});

const machine = v.looseObject({
  ...{ cpus: count, loadAverageBefore: count, loadAverageHighest: count, loadAverageAfter: count },
  overloadedPart: v.optional(count, 0),
  stolenPart: v.optional(count, 0),
});

const messages = v.looseObject({
  ...{ sent: count, received: count, effective: count, deliveries: count, redeliveries: count },
  ...{ unexplainedRedeliveries: count, lost: count, duplicateEffects: count, outOfOrder: count },
  ...{ unexpected: count, undelivered: count, unknownOutcome: count, perSecond: count },
});

/** `report.json`. */
export const reportSchema = v.looseObject({
  verdict: v.picklist(["pass", "fail", "unknown"]),
  reasons: v.array(text),
  ...{ runId: text, seed: count, configFile: text, fault: v.nullable(text), startedAt: text },
  arguments: v.optional(v.array(text)),
  config: v.optional(anything),
  ...{ durationMs: count, natsServerVersion: text, machine, partitions: count },
  startup: v.looseObject({ workers: count, allStableMs: maybe }),
  messages,
  ownership: v.looseObject({
    interleavings: count,
    excusedOverlaps: mapping(count),
    unprovenOverlaps: v.optional(count, 0),
  }),
  balance: v.looseObject({ strategy: text, maxOverMean: maybe }),
  chaos: v.array(chaosRecord),
  moves: v.looseObject({ ...moves.entries, overNeeded: v.optional(maybe, null) }),
  ...{ recoveryMs: percentiles, recoveryFromWorkMs: percentiles, takeoverMs: percentiles },
  recoveryOwnedMs: v.optional(percentiles, NOTHING),
  wholeMs: v.optional(percentiles, NOTHING),
  ...{ handoffMs: percentiles, handoffVacancyMs: percentiles },
  ...{ latencyMs: percentiles, unmovedLatencyMs: percentiles },
  ...{ recoveryWithoutWork: count, handoffWithoutWork: count },
  memory: v.optional(
    v.looseObject({ process: grown, largest: grown, coordinator: grown, server: grown }),
    {},
  ),
  unmovedPartitions: v.looseObject({ kept: count, moved: count }),
  thresholds: v.array(threshold),
  slowest: v.looseObject({
    recovery: slow,
    recoveryFromWork: v.optional(slow, []),
    handoff: slow,
    handoffVacancy: slow,
    unmoved: slow,
  }),
  workers: v.array(worker),
  defects: v.array(v.looseObject({ kind: text, partition: count, detail: text })),
  incidents: v.array(text),
});

const counts = v.array(count);
const columns = v.array(maybe);
/** A column that older files lack. */
const later = v.optional(counts);

/** `series.json`. */
export const seriesSchema = v.looseObject({
  format: v.literal(SERIES_FORMAT),
  version: v.literal(SERIES_VERSION),
  runId: text,
  stepMs: count,
  phases: v.array(v.looseObject({ phase: text, atMs: count })),
  samples: v.pipe(
    v.looseObject({
      ...{ untilMs: counts, sent: counts, handled: counts, waiting: counts, stable: counts },
      ...{ workers: counts, moves: counts, defects: counts, gaps: counts, rssBytes: counts },
      ...{ latencyP50Ms: columns, latencyP99Ms: columns },
      ...{ meanRssBytes: later, largestRssBytes: later },
      ...{ coordinatorRssBytes: later, serverRssBytes: later },
    }),
    v.check((columns) => isEven(columns), "the columns are not of the same length"),
  ),
  owners: v.pipe(
    v.looseObject({
      processes: v.array(text),
      resolutionMs: count,
      ...{ atMs: counts, partition: counts, owner: counts },
    }),
    v.check(
      ({ atMs, partition, owner }) => isEven({ atMs, partition, owner }),
      "the columns are not of the same length",
    ),
  ),
});

function isEven(columns: Readonly<Record<string, unknown>>): boolean {
  const lengths = Object.values(columns).filter(Array.isArray).map(({ length }) => length);
  return new Set(lengths).size <= 1;
}
