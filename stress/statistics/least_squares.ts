/**
 * Lines and powers through measured points.
 *
 * @module
 */

/** A line through points. */
export interface LineFit {
  /** How much more y for one more x. */
  readonly slope: number;
  /** y at x = 0. */
  readonly intercept: number;
  /** The slope lies between these with 95 % certainty if the points scatter independently; both infinite for fewer than three points. */
  readonly slopeInterval: readonly [number, number];
  /** How much of the scatter of y the line explains, from 0 to 1. */
  readonly r2: number;
  /** How many points. */
  readonly count: number;
}

/** A power through points: `y = factor · x ^ exponent`. */
export interface PowerFit {
  /** y grows with x to the power of this. */
  readonly exponent: number;
  /** The exponent lies between these with 95 % certainty if the logarithms scatter independently. */
  readonly exponentInterval: readonly [number, number];
  /** y at x = 1. */
  readonly factor: number;
  /** How much of the scatter the power explains, from 0 to 1. */
  readonly r2: number;
  /** How many points. */
  readonly count: number;
}

/** 97.5 % of Student's distribution, for so few degrees of freedom that no formula is near. */
const SMALL_T = [
  ...[12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281],
];
/** 97.5 % of the normal distribution. */
const Z = 1.959964;

/**
 * How many standard errors hold 95 % of what is estimated.
 *
 * @param degrees the degrees of freedom, from 1
 * @returns the quantile of Student's distribution: a table, then Fisher's expansion, right to four digits
 */
export function studentT(degrees: number): number {
  if (degrees < 1) return Infinity;
  const small = SMALL_T[Math.floor(degrees) - 1];
  if (small !== undefined) return small;
  return Z + (Z ** 3 + Z) / (4 * degrees) +
    (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * degrees ** 2) +
    (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / (384 * degrees ** 3);
}

/**
 * The line with the least squares of distances in y.
 *
 * @param xs where
 * @param ys how much, as many
 * @returns the line; undefined for fewer than two different x
 */
export function fitLine(xs: readonly number[], ys: readonly number[]): LineFit | undefined {
  const count = xs.length;
  const meanX = mean(xs);
  const meanY = mean(ys);
  const sxx = sum(xs.map((x) => (x - meanX) ** 2));
  if (count < 2 || sxx === 0) return undefined;
  const slope = sum(xs.map((x, at) => (x - meanX) * (ys[at]! - meanY))) / sxx;
  const intercept = meanY - slope * meanX;
  const unexplained = sum(xs.map((x, at) => (ys[at]! - intercept - slope * x) ** 2));
  const syy = sum(ys.map((y) => (y - meanY) ** 2));
  const degrees = count - 2;
  const half = degrees < 1 ? Infinity : studentT(degrees) * Math.sqrt(unexplained / degrees / sxx);
  return {
    ...{ slope, intercept, count },
    slopeInterval: [slope - half, slope + half],
    r2: syy === 0 ? 1 : 1 - unexplained / syy,
  };
}

/**
 * The power with the least squares of distances in log y, over log x.
 *
 * @param xs where, above 0
 * @param ys how much, above 0; points that are not are left out
 * @returns the power; undefined for fewer than two points
 */
export function fitPower(xs: readonly number[], ys: readonly number[]): PowerFit | undefined {
  const points = xs.map((x, at) => [x, ys[at]!] as const).filter(([x, y]) => x > 0 && y > 0);
  const line = fitLine(points.map(([x]) => Math.log(x)), points.map(([, y]) => Math.log(y)));
  if (line === undefined) return undefined;
  return {
    exponent: line.slope,
    exponentInterval: line.slopeInterval,
    factor: Math.exp(line.intercept),
    ...{ r2: line.r2, count: line.count },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
