/**
 * How busy the machine is, so that figures can be judged: where other work runs beside, they are not the group's.
 *
 * @module
 */

import { type ProcessorTime, processorTime } from "./stolen.ts";

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
  /** Which part of its processors' time under load other machines of its host took, from 0 to 1; 0 where the system does not say. */
  readonly stolenPart: number;
}

/** More than this many processes for each processor, and what is measured is the waiting. */
export const OVERLOAD_FACTOR = 2;
/** A machine that was overloaded for less of the load than this has measured the group. */
const OVERLOADED_PART = 0.2;

/** What is known of the load, as JSON holds it. */
export type SavedLoad = Machine & {
  /** How often it was looked at while there was load. */
  readonly samples: number;
  /** Its processors' time under load. */
  readonly time: ProcessorTime;
};

/** Follows the load average of this machine, and what is taken from it. */
export class MachineLoad {
  readonly #loadAverage: () => number;
  readonly #processorTime: () => ProcessorTime;
  #before: number;
  #highest: number;
  #samples = 0;
  #overloaded = 0;
  /** When it was last looked at. */
  #lastTime: ProcessorTime;
  #time: ProcessorTime = { stolen: 0, all: 0 };

  /**
   * @param loadAverage the load average of the last minute
   * @param time what the processors have done
   */
  constructor(
    loadAverage: () => number = () => Deno.loadavg()[0]!,
    time: () => ProcessorTime = processorTime,
  ) {
    this.#loadAverage = () => Math.round(loadAverage() * 10) / 10;
    this.#processorTime = time;
    this.#lastTime = time();
    this.#before = this.#highest = this.#loadAverage();
  }

  /**
   * Looks at it; to be called at equal intervals.
   *
   * @param isLoad whether there is load: that many processes start at once tells nothing of what is measured later
   * @returns the load average now
   */
  sample(isLoad = true): number {
    const now = this.#loadAverage();
    this.#highest = Math.max(this.#highest, now);
    const last = this.#lastTime;
    const time = this.#lastTime = this.#processorTime();
    if (!isLoad) return now;
    this.#spend({ stolen: time.stolen - last.stolen, all: time.all - last.all });
    this.#samples++;
    if (now > OVERLOAD_FACTOR * navigator.hardwareConcurrency) this.#overloaded++;
    return now;
  }

  /** What is known, as JSON holds it. */
  save(): SavedLoad {
    return { ...this.machine, samples: this.#samples, time: this.#time };
  }

  /**
   * Goes on from what was known before.
   *
   * @param saved what was known
   */
  load(saved: SavedLoad): void {
    const { loadAverageBefore, loadAverageHighest, overloadedPart, samples, time } = saved;
    this.#before = loadAverageBefore;
    this.#highest = Math.max(this.#highest, loadAverageHighest);
    this.#samples += samples;
    this.#overloaded += Math.round(overloadedPart * samples);
    this.#spend(time);
  }

  /** What is known by now. */
  get machine(): Machine {
    const loadAverageAfter = this.#loadAverage();
    return {
      cpus: navigator.hardwareConcurrency,
      loadAverageBefore: this.#before,
      loadAverageHighest: Math.max(this.#highest, loadAverageAfter),
      loadAverageAfter,
      overloadedPart: thousandths(this.#overloaded, this.#samples),
      stolenPart: thousandths(this.#time.stolen, this.#time.all),
    };
  }

  #spend({ stolen, all }: ProcessorTime): void {
    this.#time = { stolen: this.#time.stolen + stolen, all: this.#time.all + all };
  }
}

function thousandths(part: number, whole: number): number {
  return Math.round(part / Math.max(1, whole) * 1_000) / 1_000;
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
 * What of its time was not its own.
 *
 * @param machine what is known of it
 * @returns such as `, 12% of its time taken by others`; nothing where that is less than 1 %
 */
export function stolenText({ stolenPart }: Pick<Machine, "stolenPart">): string {
  const percent = Math.round(stolenPart * 100);
  return percent < 1 ? "" : `, ${percent}% of its time taken by others`;
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
