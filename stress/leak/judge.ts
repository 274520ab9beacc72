/**
 * When something that grows is a leak, and when it is chance. Of the heap, objects are looked at: the code that V8 compiles grows for ten minutes
 * and more, and no program can let go of it.
 *
 * @module
 */
import { fitLine, type LineFit } from "../statistics/least_squares.ts";

/** Something that must not grow. */
export interface Watched {
  /** Its name, one word. */
  readonly name: string;
  /** What it is, at the beginning of a sentence. */
  readonly what: string;
  /** Its unit; empty for what is counted. */
  readonly unit: string;
  /** Growth by this over a whole run is not called a leak: the shorter the run, the steeper a leak has to be. */
  readonly floor: number;
}

/** Code compiled late, a table that doubled: so a run of ten minutes sees a leak of 50 KB per minute, and one of an hour a sixth of that. */
const FLOOR_MB = 0.5;
/** A timer or a consumer that is there at one look and not at the next. */
const FLOOR_HANDLES = 3;

/**
 * The same of a short run, of handles that lanes have: workers come and go so fast that lanes are merged late, and a minute passes until
 * there are as many of them as there will be, up to eighteen more than in the beginning were seen.
 */
const SHORT_FLOOR_LANES = 20;
const SHORT_SECONDS = 120;
const OF_LANES: readonly string[] = ["timers", "subscriptions", "consumers"];

/** All that is watched. */
export const WATCHED = [
  { name: "objects", what: "the heap", unit: "MB", floor: FLOOR_MB },
  {
    name: "external",
    what: "the memory of buffers outside of the heap",
    unit: "MB",
    floor: FLOOR_MB,
  },
  { name: "timers", what: "the number of pending timers", unit: "", floor: FLOOR_HANDLES },
  { name: "sockets", what: "the number of connections", unit: "", floor: FLOOR_HANDLES },
  { name: "subscriptions", what: "the number of subscriptions", unit: "", floor: FLOOR_HANDLES },
  { name: "consumers", what: "the number of consumers", unit: "", floor: FLOOR_HANDLES },
] as const satisfies readonly Watched[];

/**
 * What is watched in a run.
 *
 * @param durationSeconds how long the run is
 * @returns all of it, with the floors that such a run has
 */
export function watchedIn(
  durationSeconds: number,
): readonly (Watched & Pick<typeof WATCHED[number], "name">)[] {
  if (durationSeconds >= SHORT_SECONDS) return WATCHED;
  return WATCHED.map((watched) =>
    OF_LANES.includes(watched.name) ? { ...watched, floor: SHORT_FLOOR_LANES } : watched
  );
}

/** What is thought of something over time. */
export interface LeakJudgement {
  /** What it is of. */
  readonly watched: Watched;
  /** The line through the samples after the warm-up; undefined if they are too few. */
  readonly fit: LineFit | undefined;
  /** A slope below this is noise, in its unit per second. */
  readonly floorPerSecond: number;
  /** Whether it grows by more than noise. */
  readonly leaks: boolean;
}

/** Less is the rounding of what does not grow at all. */
const LEAST_PER_MINUTE = 1e-9;
/** In the beginning code is still being compiled, and caches fill. */
const WARM_UP_SHARE = 0.25;

/**
 * Judges something over time: it leaks if the 95 % interval of its slope lies wholly above the noise.
 *
 * @param watched what it is
 * @param atSeconds when it was looked at
 * @param values how much there was, in its unit
 * @param durationSeconds how long the run was
 * @returns the slope, and whether it is a leak
 */
export function judgeLeak(
  watched: Watched,
  atSeconds: readonly number[],
  values: readonly number[],
  durationSeconds: number,
): LeakJudgement {
  const from = Math.floor(atSeconds.length * WARM_UP_SHARE);
  const fit = fitLine(atSeconds.slice(from), values.slice(from));
  const floorPerSecond = watched.floor / durationSeconds;
  const leaks = (fit?.slopeInterval[0] ?? -Infinity) > floorPerSecond;
  return { watched, fit, floorPerSecond, leaks };
}

/**
 * Says of growth that is no leak, because a run of this length calls so much noise, that it is told from zero all the same.
 *
 * @param judgement what was found
 * @returns one sentence; undefined if it leaks, or may as well not grow
 */
export function describeGrowth(
  { watched, fit, floorPerSecond, leaks }: LeakJudgement,
): string | undefined {
  const low = fit?.slopeInterval[0] ?? -Infinity;
  if (leaks || low * 60 < LEAST_PER_MINUTE) return undefined;
  const perMinute = (value: number) => Number((value * 60).toPrecision(2));
  const unit = watched.unit === "" ? "" : ` ${watched.unit}`;
  return `${watched.what} grows by ${perMinute(fit!.slope)}${unit} per minute, ` +
    `${perMinute(low)} at least (95 %): told from zero, and below the floor, ` +
    `${perMinute(floorPerSecond)}, so not called a leak; a longer run has a lower floor`;
}

/**
 * Says what was found.
 *
 * @param judgement what was found
 * @returns one sentence
 */
export function describeLeak({ watched, fit, floorPerSecond }: LeakJudgement): string {
  const perMinute = (value: number) => (value * 60).toFixed(3);
  const [low, high] = fit!.slopeInterval;
  const unit = watched.unit === "" ? "" : ` ${watched.unit}`;
  return `${watched.what} grows by ${perMinute(fit!.slope)}${unit} per minute ` +
    `(95 %: ${perMinute(low)} to ${perMinute(high)}; noise is up to ${perMinute(floorPerSecond)})`;
}
