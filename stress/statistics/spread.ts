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

/** So much wider than the median absolute deviation is the standard deviation of values that scatter normally. */
const DEVIATIONS_PER_MAD = 1.4826;
/** So much wider than the error of a mean is that of a median. */
const MEDIAN_ERROR = Math.sqrt(Math.PI / 2);
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

/**
 * How far the median of these values may be from the true one by chance: its standard error, from the values' deviations from their median,
 * so that a single value that is far off does not blow it up.
 *
 * @param values the values
 * @returns the error in the values' unit; undefined for fewer than {@linkcode LEAST_FOR_SPREAD}
 */
export function medianError(values: readonly number[]): number | undefined {
  if (values.length < LEAST_FOR_SPREAD) return undefined;
  const middle = median(values);
  const deviation = DEVIATIONS_PER_MAD * median(values.map((value) => Math.abs(value - middle)));
  return MEDIAN_ERROR * deviation / Math.sqrt(values.length);
}
