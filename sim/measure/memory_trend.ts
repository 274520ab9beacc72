/**
 * Whether processes grow: their memory late in a run beside what it was before, when all had warmed up.
 *
 * @module
 */

/** What is known of the memory over time. */
export interface MemorySamples {
  /** When each sample ends, in milliseconds since the run began. */
  readonly untilMs: readonly number[];
  /** Memory of all processes. */
  readonly rssBytes: readonly number[];
  /** Workers that ran. */
  readonly workers: readonly number[];
}

/** What came of it. */
export interface MemoryTrend {
  /** Mean memory of a process in the last quarter of the load, in megabytes; null if nothing was reported. */
  readonly processMb: number | null;
  /** That over the mean in the third quarter; null of a run that was too short to tell. */
  readonly growth: number | null;
}

/** In a shorter run a quarter is no time to grow in, and half of it too short to warm up. */
const TELLING_MS = 4 * 60_000;

/**
 * Compares the last quarter with the third. The first half does not count: a runtime grows until it has met all that it will do, and the
 * first loss of the server is one such thing.
 *
 * @param samples the memory over time
 * @param producers how many processes there are besides the workers
 * @param fromMs since when there was load, in milliseconds since the run began
 * @returns how much a process takes, and by which factor that has grown
 */
export function memoryTrend(
  { untilMs, rssBytes, workers }: MemorySamples,
  producers: number,
  fromMs: number,
): MemoryTrend {
  const lengthMs = (untilMs.at(-1) ?? fromMs) - fromMs;
  const meanMb = (quarter: number): number | null => {
    const sinceMs = fromMs + lengthMs * (quarter - 1) / 4;
    const tillMs = fromMs + lengthMs * quarter / 4;
    const inside = untilMs.flatMap((atMs, index) => {
      const told = rssBytes[index]! > 0 && atMs > sinceMs && atMs <= tillMs;
      return told ? [rssBytes[index]! / (workers[index]! + producers) / 1e6] : [];
    });
    return inside.length === 0 ? null : inside.reduce((sum, mb) => sum + mb, 0) / inside.length;
  };
  const [before, now] = [meanMb(3), meanMb(4)];
  const tells = lengthMs >= TELLING_MS && before !== null && now !== null;
  return {
    processMb: now === null ? null : Math.round(now * 10) / 10,
    growth: tells ? Math.round(now / before * 1_000) / 1_000 : null,
  };
}
