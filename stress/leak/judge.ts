/**
 * When a growing heap is a leak, and when it is chance. What is looked at are objects: the code that V8 compiles grows for ten minutes and
 * more, and no program can let go of it.
 *
 * @module
 */
import { fitLine, type LineFit } from "../statistics/least_squares.ts";

/** What is thought of a heap over time. */
export interface LeakJudgement {
  /** The line through the samples after the warm-up; undefined if they are too few. */
  readonly fit: LineFit | undefined;
  /** A slope below this is noise, in MB per second. */
  readonly floorPerSecond: number;
  /** Whether the heap grows by more than noise. */
  readonly leaks: boolean;
}

/** In the beginning code is still being compiled, and caches fill. */
const WARM_UP_SHARE = 0.25;
/**
 * A heap that grows by this over the whole run is not called a leak: code compiled late, a table that doubled. So a run of ten minutes
 * sees a leak of 50 KB per minute, and one of an hour sees a sixth of that.
 */
const FLOOR_MB = 0.5;

/**
 * Judges a heap over time: it leaks if the 95 % interval of its slope lies wholly above the noise.
 *
 * @param atSeconds when it was looked at
 * @param heapMb how much there was, in MB
 * @param durationSeconds how long the run was
 * @returns the slope, and whether it is a leak
 */
export function judgeLeak(
  atSeconds: readonly number[],
  heapMb: readonly number[],
  durationSeconds: number,
): LeakJudgement {
  const from = Math.floor(atSeconds.length * WARM_UP_SHARE);
  const fit = fitLine(atSeconds.slice(from), heapMb.slice(from));
  const floorPerSecond = FLOOR_MB / durationSeconds;
  return { fit, floorPerSecond, leaks: (fit?.slopeInterval[0] ?? -Infinity) > floorPerSecond };
}

/**
 * Says what was found.
 *
 * @param judgement what was found
 * @returns one sentence
 */
export function describeLeak({ fit, floorPerSecond }: LeakJudgement): string {
  const perMinute = (value: number) => (value * 60).toFixed(3);
  const [low, high] = fit!.slopeInterval;
  return `the heap grows by ${perMinute(fit!.slope)} MB per minute ` +
    `(95 %: ${perMinute(low)} to ${perMinute(high)}; noise is up to ${perMinute(floorPerSecond)})`;
}
