/**
 * Whether a run's figures keep to the thresholds of the configuration.
 *
 * @module
 */
import { type Figure, unitOf } from "../config/figures.ts";
import { describeThreshold, keepsTo, type Operator, type Threshold } from "../config/threshold.ts";
import type { SimReport } from "./report.ts";

/** One threshold, and whether it was kept to. */
export interface ThresholdResult {
  /** The whole of it, such as `recoveryMs.p99 < 1000ms`. */
  readonly threshold: string;
  /** The figure's place in the report, such as `recoveryMs.p99`. */
  readonly figure: Figure;
  /** How it is compared. */
  readonly operator: Operator;
  /** With what; times are milliseconds. */
  readonly limit: number;
  /** What it was; null if there was nothing to measure. */
  readonly actual: number | null;
  /** False if it was something that is not allowed. */
  readonly holds: boolean;
  /** There, and true, where the run was ended because of it. */
  readonly endedRun?: true;
}

/**
 * Compares figures with their thresholds. What could not be measured breaks none: to have something measured is a threshold of its own, such
 * as `recoveryMs.count: "> 0"`.
 *
 * @param thresholds the thresholds
 * @param report the report, or the part of it that is known
 * @returns one result for each threshold
 */
export function checkThresholds(
  thresholds: readonly Threshold[],
  report: object,
): ThresholdResult[] {
  return thresholds.map((threshold) => {
    const { figure, operator, limit } = threshold;
    const actual = figureAt(report, figure) ?? null;
    const holds = actual === null || keepsTo(actual, threshold);
    return { threshold: describeThreshold(threshold), figure, operator, limit, actual, holds };
  });
}

/**
 * Looks a figure up.
 *
 * @param report the report, or a part of it
 * @param figure the path
 * @returns the number; null if there was nothing to measure, undefined if the part does not have it
 */
export function figureAt(report: object, figure: Figure): number | null | undefined {
  let node: unknown = report;
  for (const key of figure.split(".")) {
    if (typeof node !== "object" || node === null) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node as number | null | undefined;
}

/**
 * Writes a threshold that was not kept to for people.
 *
 * @param result the threshold
 * @returns one sentence
 */
export function describeFailed({ threshold, figure, actual, endedRun }: ThresholdResult): string {
  const ended = endedRun === true ? "; the run was ended at once" : "";
  return `threshold failed: ${threshold}, but it is ${actual}${unitOf(figure)}${ended}`;
}

/**
 * Whether a threshold that was not kept to had its part in the verdict: of a run that did not come to its end, or on a machine with too
 * much to do, it has none.
 *
 * @param result the threshold
 * @param report the report that it belongs to
 */
export function isJudged(result: ThresholdResult, report: Pick<SimReport, "reasons">): boolean {
  return report.reasons.includes(describeFailed(result));
}

/** The paths of all numbers of a type that are in no list. */
type NumberPath<T> = {
  [Key in keyof T & string]: NonNullable<T[Key]> extends number ? Key
    : NonNullable<T[Key]> extends string | boolean | readonly unknown[] ? never
    : `${Key}.${NumberPath<NonNullable<T[Key]>>}`;
}[keyof T & string];
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : never : never;
/** The compiler refuses this as soon as the report has a number that `config/figures.ts` does not name, or the other way round. */
const _everyNumberCanHaveAThreshold: Same<Figure, NumberPath<SimReport>> = true;
