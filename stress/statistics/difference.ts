/**
 * The difference of means of few values, and how far it may be off by chance.
 *
 * @module
 */
import { studentT } from "./least_squares.ts";
import { LEAST_FOR_SPREAD } from "./spread.ts";

/** Values of one thing, and whether their mean is added to the difference or taken off. */
export interface Term {
  /** The values. */
  readonly values: readonly number[];
  /** 1 or -1. */
  readonly sign: 1 | -1;
}

/** A sum of means with signs. */
export interface Difference {
  /** The sum. */
  readonly value: number;
  /** It lies within this around the true one with 95 % certainty; undefined if a term has fewer than {@linkcode LEAST_FOR_SPREAD} values. */
  readonly half: number | undefined;
}

/**
 * The mean.
 *
 * @param values at least one
 * @returns their mean; `NaN` for none
 */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Sums means with signs and gives the 95 % interval of the sum, without taking the terms to scatter alike: each has the variance
 * v = s² ÷ n of its mean, the standard error is √Σv, and Student's quantile is that of (Σv)² ÷ Σ(v² ÷ (n − 1)) degrees of freedom, rounded
 * down. That is Welch's interval for two terms, with Satterthwaite's degrees of freedom for any number: F. E.
 * Satterthwaite, "An Approximate Distribution of Estimates of Variance Components", Biometrics Bulletin 2 (1946), 110–114; B. L. Welch,
 * "The Generalization of 'Student's' Problem when Several Different Population Variances are Involved", Biometrika 34 (1947), 28–35.
 *
 * @param terms what is added and taken off, each measured by itself
 * @returns the sum, and half the width of its interval
 */
export function differenceOf(terms: readonly Term[]): Difference {
  const value = terms.reduce((sum, { values, sign }) => sum + sign * mean(values), 0);
  if (terms.some(({ values }) => values.length < LEAST_FOR_SPREAD)) {
    return { value, half: undefined };
  }
  const parts = terms.map(({ values }) => ({
    variance: varianceOf(values) / values.length,
    degrees: values.length - 1,
  }));
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  if (variance === 0) return { value, half: 0 };
  const degrees = variance ** 2 /
    parts.reduce((sum, part) => sum + part.variance ** 2 / part.degrees, 0);
  return { value, half: studentT(Math.max(1, Math.floor(degrees))) * Math.sqrt(variance) };
}

function varianceOf(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
}
