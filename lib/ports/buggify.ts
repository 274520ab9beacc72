/**
 * Places in the library that may misbehave on purpose: take the slow path, give up early, answer late. A simulation decides whether they
 * do; in production they never do.
 *
 * @module
 */

/** Decides whether a place misbehaves now. */
export interface Buggify {
  /**
   * Asks for one place, once.
   *
   * @param site the place's name, unique in the library and always the same, such as `renewal-late`
   * @param probability how often it fires where it is active in this run, from 0 to 1; 0.25 if left out
   * @returns true if the place shall misbehave now
   */
  (site: string, probability?: number): boolean;
}

/**
 * Production: nothing ever misbehaves.
 *
 * @returns false
 */
export const NO_BUGGIFY: Buggify = (): boolean => false;
