import assert from "node:assert/strict";
import { fitLine, fitPower, studentT } from "./least_squares.ts";

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${actual} is not ${expected} ± ${tolerance}`,
  );
}

Deno.test("least squares: a line is found through points that lie on it, and it is certain", () => {
  const fit = fitLine([1, 2, 3, 4], [5, 7, 9, 11])!;
  near(fit.slope, 2, 1e-12);
  near(fit.intercept, 3, 1e-12);
  near(fit.slopeInterval[0], 2, 1e-6);
  near(fit.slopeInterval[1], 2, 1e-6);
  near(fit.r2, 1, 1e-12);
});

Deno.test("least squares: slope and interval of a textbook example", () => {
  // Anscombe's first set: slope 0.500, standard error 0.118, t(9) = 2.262.
  const xs = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const ys = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
  const fit = fitLine(xs, ys)!;
  near(fit.slope, 0.5001, 0.0001);
  near(fit.intercept, 3.0001, 0.0001);
  near(fit.slopeInterval[1] - fit.slope, 2.262 * 0.1179, 0.0003);
  near(fit.r2, 0.6665, 0.0001);
});

Deno.test("least squares: Student's quantiles are those of the tables", () => {
  const table = { 1: 12.706, 4: 2.776, 6: 2.447, 9: 2.262, 20: 2.086, 100: 1.984, 10000: 1.96 };
  for (const [degrees, t] of Object.entries(table)) near(studentT(Number(degrees)), t, 0.001);
});

Deno.test("least squares: scatter without a trend has zero in its interval", () => {
  const ys = [5, 3, 6, 4, 5, 3, 6, 4, 5, 4];
  const [low, high] = fitLine(ys.map((_, at) => at), ys)!.slopeInterval;
  assert.ok(low < 0 && high > 0, `${low} to ${high}`);
});

Deno.test("least squares: too few points have no line, or one of which nothing is certain", () => {
  assert.equal(fitLine([1], [1]), undefined);
  assert.equal(fitLine([2, 2], [1, 5]), undefined);
  assert.deepEqual(fitLine([1, 2], [1, 2])!.slopeInterval, [-Infinity, Infinity]);
});

Deno.test("powers: the exponent of a law is found, and what has no logarithm is left out", () => {
  const xs = [1, 10, 100, 1_000];
  const square = fitPower(xs, xs.map((x) => 3 * x ** 2))!;
  near(square.exponent, 2, 1e-9);
  near(square.factor, 3, 1e-9);
  near(fitPower(xs, xs.map(() => 7))!.exponent, 0, 1e-9);
  assert.equal(fitPower([0, ...xs], [5, 1, 10, 100, 1_000])!.count, 4);
  assert.equal(fitPower([1, 2], [0, 5]), undefined);
});
