/**
 * How busy the machine is, so that figures can be judged: where other work runs beside, they are not the group's.
 *
 * @module
 */

/** What is told of it; load averages are of the last minute, to a tenth. */
export interface Machine {
  /** Its processors. */
  readonly cpus: number;
  /** The load average when the run began. */
  readonly loadAverageBefore: number;
  /** The highest one during the run. */
  readonly loadAverageHighest: number;
  /** The load average in the end. */
  readonly loadAverageAfter: number;
  /** In which part of the time it was looked at while there was load it was too high, from 0 to 1. */
  readonly overloadedPart: number;
}

/** More than this many processes for each processor, and what is measured is the waiting. */
export const OVERLOAD_FACTOR = 2;
/** A machine that was overloaded for less of the load than this has measured the group. */
const OVERLOADED_PART = 0.2;

/** What is known of the load, as JSON holds it. */
export type SavedLoad = Machine & {
  /** How often it was looked at while there was load. */
  readonly samples: number;
};

/** Follows the load average of this machine. */
export class MachineLoad {
  readonly #loadAverage: () => number;
  #before: number;
  #highest: number;
  #samples = 0;
  #overloaded = 0;

  /** @param loadAverage the load average of the last minute */
  constructor(loadAverage: () => number = () => Deno.loadavg()[0]!) {
    this.#loadAverage = () => Math.round(loadAverage() * 10) / 10;
    this.#before = this.#highest = this.#loadAverage();
  }

  /**
   * Looks at it; to be called at equal intervals.
   *
   * @param isLoad whether there is load: that many processes start at once tells nothing of what is measured later
   */
  sample(isLoad = true): void {
    const now = this.#loadAverage();
    this.#highest = Math.max(this.#highest, now);
    if (!isLoad) return;
    this.#samples++;
    if (now > OVERLOAD_FACTOR * navigator.hardwareConcurrency) this.#overloaded++;
  }

  /** What is known, as JSON holds it. */
  save(): SavedLoad {
    return { ...this.machine, samples: this.#samples };
  }

  /**
   * Goes on from what was known before.
   *
   * @param saved what was known
   */
  load({ loadAverageBefore, loadAverageHighest, overloadedPart, samples }: SavedLoad): void {
    this.#before = loadAverageBefore;
    this.#highest = Math.max(this.#highest, loadAverageHighest);
    this.#samples += samples;
    this.#overloaded += Math.round(overloadedPart * samples);
  }

  /** What is known by now. */
  get machine(): Machine {
    const loadAverageAfter = this.#loadAverage();
    return {
      cpus: navigator.hardwareConcurrency,
      loadAverageBefore: this.#before,
      loadAverageHighest: Math.max(this.#highest, loadAverageAfter),
      loadAverageAfter,
      overloadedPart: Math.round(this.#overloaded / Math.max(1, this.#samples) * 1_000) / 1_000,
    };
  }
}

/**
 * Whether a machine had too much to do for so much of the load that durations say as much of it as of the group.
 *
 * @param machine what is known of it
 */
export function isOverloaded({ overloadedPart }: Pick<Machine, "overloadedPart">): boolean {
  return overloadedPart >= OVERLOADED_PART;
}

/**
 * How busy it was, beside the bound.
 *
 * @param machine what is known of it
 * @returns such as `its load average was above 4 for 31% of the load, and at most 7.9`
 */
export function loadText({ cpus, overloadedPart, loadAverageHighest }: Machine): string {
  const percent = Math.round(overloadedPart * 100);
  return `its load average was above ${OVERLOAD_FACTOR * cpus} for ${percent}% of the load, ` +
    `and at most ${loadAverageHighest}`;
}
