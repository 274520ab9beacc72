/**
 * When something kept a worker from its work although it lives: each with its beginning, and with its end once that is known.
 *
 * @module
 */

/** What comes of a strike is over so long after it: a lease is lost and given to others by then. */
export const STRIKE_AFTERMATH_US = 10_000_000;

interface Strike {
  readonly fromUs: number;
  untilUs: number;
}

/** Strikes remembered per process: the last ones, because what was long ago has been looked at. */
const MAX_PER_PROCESS = 1_000;

/** All strikes. */
export class Strikes {
  readonly #byProcess = new Map<string, Strike[]>();

  /**
   * A strike begins.
   *
   * @param process the worker's process and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @returns ends it: until when
   */
  begin(process: string, fromUs: number): (untilUs: number) => void {
    const strike: Strike = { fromUs, untilUs: Number.POSITIVE_INFINITY };
    const strikes = this.#byProcess.get(process) ?? [];
    strikes.push(strike);
    if (strikes.length > MAX_PER_PROCESS) strikes.shift();
    this.#byProcess.set(process, strikes);
    return (untilUs) => void (strike.untilUs = untilUs);
  }

  /**
   * Whether a time has anything in common with a strike, or with the time after it.
   *
   * @param process the worker's process and incarnation
   * @param fromUs since when, in microseconds since 1970
   * @param untilUs until when
   * @param afterUs how much longer than itself a strike counts
   */
  touch(process: string, fromUs: number, untilUs: number, afterUs = STRIKE_AFTERMATH_US): boolean {
    return this.#byProcess.get(process)?.some((strike) => {
      return strike.fromUs <= untilUs && fromUs < strike.untilUs + afterUs;
    }) ?? false;
  }
}
