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
}

/** More than this many processes for each processor, and what is measured is the waiting. */
export const OVERLOAD_FACTOR = 2;

/** Follows the load average of this machine. */
export class MachineLoad {
  #before = loadAverage();
  #highest = this.#before;

  /** Looks at it; to be called now and then. */
  sample(): void {
    this.#highest = Math.max(this.#highest, loadAverage());
  }

  /**
   * Goes on from what was known before.
   *
   * @param machine what was known
   */
  load({ loadAverageBefore, loadAverageHighest }: Machine): void {
    this.#before = loadAverageBefore;
    this.#highest = Math.max(this.#highest, loadAverageHighest);
  }

  /** What is known by now. */
  get machine(): Machine {
    this.sample();
    return {
      cpus: navigator.hardwareConcurrency,
      loadAverageBefore: this.#before,
      loadAverageHighest: this.#highest,
      loadAverageAfter: loadAverage(),
    };
  }
}

/**
 * Whether a machine had too much to do at any time of the run.
 *
 * @param machine what is known of it
 */
export function isOverloaded({ cpus, loadAverageHighest }: Machine): boolean {
  return loadAverageHighest > OVERLOAD_FACTOR * cpus;
}

function loadAverage(): number {
  return Math.round(Deno.loadavg()[0]! * 10) / 10;
}
