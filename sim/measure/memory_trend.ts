/**
 * Whether processes grow: their memory late in a run beside what it was before, when all had warmed up.
 *
 * @module
 */

/** What is known of the memory over time; 0 where nothing is known. */
export interface MemorySamples {
  /** When each sample ends, in milliseconds since the run began. */
  readonly untilMs: readonly number[];
  /** Memory of a worker or producer, on average. */
  readonly meanRssBytes: readonly number[];
  /** Memory of the largest of them. */
  readonly largestRssBytes: readonly number[];
  /** Memory of the coordinator. */
  readonly coordinatorRssBytes: readonly number[];
  /** Memory of all servers of the run's own. */
  readonly serverRssBytes: readonly number[];
}

/** How much memory something takes, and whether that grows. */
export interface Growth {
  /** The mean in the last quarter of the load, in megabytes; null if nothing is known. */
  readonly mb: number | null;
  /** That over the mean in the third quarter; null of a run that was too short to tell. */
  readonly growth: number | null;
}

/** What came of it. */
export interface MemoryTrend {
  /** A worker or producer, on average. */
  readonly process: Growth;
  /** The largest of them: one that grows does not show in the mean. */
  readonly largest: Growth;
  /** The coordinator. */
  readonly coordinator: Growth;
  /** All servers of the run's own. */
  readonly server: Growth;
}

/** In a shorter run a quarter is no time to grow in, and half of it too short to warm up. */
const TELLING_MS = 4 * 60_000;

/**
 * Compares the last quarter with the third. The first half does not count: a runtime grows until it has met all that it will do, and the
 * first loss of the server is one such thing.
 *
 * @param samples the memory over time
 * @param fromMs since when there was load, in milliseconds since the run began
 * @returns how much everybody takes, and by which factor that has grown
 */
export function memoryTrend(samples: MemorySamples, fromMs: number): MemoryTrend {
  const { untilMs } = samples;
  const lengthMs = (untilMs.at(-1) ?? fromMs) - fromMs;
  const meanMb = (bytes: readonly number[], quarter: number): number | null => {
    const sinceMs = fromMs + lengthMs * (quarter - 1) / 4;
    const tillMs = fromMs + lengthMs * quarter / 4;
    const inside = bytes.filter((one, index) =>
      one > 0 && untilMs[index]! > sinceMs && untilMs[index]! <= tillMs
    );
    if (inside.length === 0) return null;
    return inside.reduce((sum, one) => sum + one / 1e6, 0) / inside.length;
  };
  const growthOf = (bytes: readonly number[]): Growth => {
    const [before, now] = [meanMb(bytes, 3), meanMb(bytes, 4)];
    const tells = lengthMs >= TELLING_MS && before !== null && now !== null;
    return {
      mb: now === null ? null : Math.round(now * 10) / 10,
      growth: tells ? Math.round(now / before * 1_000) / 1_000 : null,
    };
  };
  return {
    process: growthOf(samples.meanRssBytes),
    largest: growthOf(samples.largestRssBytes),
    coordinator: growthOf(samples.coordinatorRssBytes),
    server: growthOf(samples.serverRssBytes),
  };
}
