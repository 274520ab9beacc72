/**
 * What several measurements of one thing say: their middle, and how far apart they are.
 *
 * @module
 */

/** Several values, in short. */
export interface Spread {
  /** How many. */
  readonly count: number;
  /** The middle one. */
  readonly median: number;
  /** The least. */
  readonly min: number;
  /** The greatest. */
  readonly max: number;
}

/** Fewer values say nothing of their spread. */
export const LEAST_FOR_SPREAD = 3;

/**
 * The middle of values: of an even number of them, the mean of the two in the middle.
 *
 * @param values at least one
 * @returns the median; `NaN` for none
 */
export function median(values: readonly number[]): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Puts values in short.
 *
 * @param values at least one
 * @returns the middle and both ends
 */
export function spreadOf(values: readonly number[]): Spread {
  return {
    count: values.length,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
  };
}
