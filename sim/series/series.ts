/**
 * `series.json`: how a run went over time, bounded however long it was.
 *
 * @module
 */

/** The file's name in the folder of a run. */
export const SERIES_FILE = "series.json";
/** What the file calls itself, so that no other is taken for it. */
export const SERIES_FORMAT = "parti-sim-series";
/** Counts up when a reader of the version before would misread the file; columns that are only added leave it as it is. */
export const SERIES_VERSION = 1;

/** The phase from the last checkpoint before a crash until the run is resumed. */
export const AWAY = "away";

/** One value for each sample; null where there was nothing to measure. */
export type Column = readonly (number | null)[];

/**
 * What happened in each stretch of time, column by column: a row ends at its `untilMs` and begins where the one before it ends, the first
 * one with the run.
 */
export interface SampleColumns {
  /** The end of each sample, in milliseconds since the run began. */
  readonly untilMs: readonly number[];
  /** Messages stored meanwhile. */
  readonly sent: readonly number[];
  /** Effects meanwhile. */
  readonly handled: readonly number[];
  /** Publish → effect of those that had their effect meanwhile, median; where samples were put together, the mean by effects. */
  readonly latencyP50Ms: Column;
  /** The same, 99th percentile; where samples were put together, the higher one, so that nothing slow is hidden. */
  readonly latencyP99Ms: Column;
  /** Messages stored and without an effect; the most. */
  readonly waiting: readonly number[];
  /** Workers that were Stable; the fewest. */
  readonly stable: readonly number[];
  /** Workers that ran; the fewest. */
  readonly workers: readonly number[];
  /** Partitions that came to another owner meanwhile. */
  readonly moves: readonly number[];
  /** Effects found wrong by then: again, out of order, of mixed up owners, of messages that nobody sent. */
  readonly defects: readonly number[];
  /** Messages passed over by then: a later one of their partition had its effect, and they had not; the most. */
  readonly gaps: readonly number[];
  /** Memory of all workers and producers together, as they last reported it; the most. */
  readonly rssBytes: readonly number[];
  /** The mean of those that have reported it; the most, as the others here are. Not in files of before 2026-12. */
  readonly meanRssBytes: readonly number[];
  /** The largest of them. */
  readonly largestRssBytes: readonly number[];
  /** Memory of the coordinator. */
  readonly coordinatorRssBytes: readonly number[];
  /** Memory of all servers of the run's own; 0 where that is not known. */
  readonly serverRssBytes: readonly number[];
}

/** Who had which partition since when: changes only, in their order, column by column. */
export interface OwnerChanges {
  /** The processes that are named by their place here. */
  readonly processes: readonly string[];
  /** Of changes of one partition within so many milliseconds only the last is kept; 0 if all are. */
  readonly resolutionMs: number;
  /** When, in milliseconds since the run began. */
  readonly atMs: readonly number[];
  /** Which partition. */
  readonly partition: readonly number[];
  /** Whose it is from then on: a place in `processes`, -1 for nobody's. */
  readonly owner: readonly number[];
}

/** The file. */
export interface Series {
  /** {@linkcode SERIES_FORMAT}. */
  readonly format: typeof SERIES_FORMAT;
  /** {@linkcode SERIES_VERSION}. */
  readonly version: typeof SERIES_VERSION;
  /** The run: the same as in its `report.json`. */
  readonly runId: string;
  /** How long a sample is, in milliseconds, apart from the last one and from delays. */
  readonly stepMs: number;
  /** When each phase began, in milliseconds since the run began. Chaos events are counted from the beginning of `load`. */
  readonly phases: readonly { readonly phase: string; readonly atMs: number }[];
  /** What happened. */
  readonly samples: SampleColumns;
  /** Who had what. */
  readonly owners: OwnerChanges;
}

/**
 * When the load began.
 *
 * @param series the series
 * @returns milliseconds since the run began; 0 for a run that did not come so far
 */
export function loadFromMs(series: Pick<Series, "phases">): number {
  return series.phases.find(({ phase }) => phase === "load")?.atMs ?? 0;
}

/**
 * When something happened, by the time of the run. Where a run was resumed, what lies in between is no load.
 *
 * @param series the series
 * @param loadMs when, by the time that there was load, as chaos events are counted
 * @returns milliseconds since the run began
 */
export function runMsOf({ phases }: Pick<Series, "phases">, loadMs: number): number {
  let leftMs = loadMs;
  for (const [index, { phase, atMs }] of phases.entries()) {
    if (phase !== "load") continue;
    // Producers go on while all heals.
    const untilMs = phases.slice(index).find(({ phase }) => phase === AWAY)?.atMs;
    if (untilMs === undefined || leftMs <= untilMs - atMs) return atMs + leftMs;
    leftMs -= untilMs - atMs;
  }
  return leftMs;
}
