/**
 * One threshold: what a figure of the report has to keep to.
 *
 * @module
 */
import { type Figure, unitOf } from "./figures.ts";

/** How a figure can be compared. The longer ones come first, so that `<=` is not read as `<`. */
export const OPERATORS = ["<=", ">=", "==", "!=", "<", ">"] as const;

/** One of them. */
export type Operator = (typeof OPERATORS)[number];

/** What stands on the right of a figure. */
export interface Limit {
  /** How the figure is compared. */
  readonly operator: Operator;
  /** With what; times are milliseconds, as in the report. */
  readonly limit: number;
}

/** A threshold, as it is checked. */
export interface Threshold extends Limit {
  /** The figure's path in `report.json`. */
  readonly figure: Figure;
  /** Whether the run ends as soon as it does not hold. */
  readonly abortOnFail: boolean;
  /** So long after the load has begun it may fail without ending the run, in milliseconds. */
  readonly delayAbortEvalMs: number;
}

/** What may be written. */
export const LIMIT_FORMAT = 'an operator (<, <=, ==, >=, >, !=) and a number, such as "< 1000"';

/** A text that is to be a limit, even where YAML would read something else into it. */
export const LOOKS_LIKE_LIMIT = /^\s*[<>=!]/;

/** The same as a pattern. */
export const LIMIT_PATTERN: string = `^\\s*(${
  OPERATORS.join("|")
})\\s*([-+]?\\d+(?:\\.\\d+)?(?:[eE][-+]?\\d+)?)\\s*$`;
const LIMIT = new RegExp(LIMIT_PATTERN);

/**
 * Reads a limit.
 *
 * @param value such as `< 1000`; a bare number is the most that is allowed
 * @returns the limit; undefined if it is none
 */
export function parseLimit(value: unknown): Limit | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return { operator: "<=", limit: value };
  const match = typeof value === "string" ? LIMIT.exec(value) : null;
  if (match === null) return undefined;
  const limit = Number(match[2]);
  return Number.isFinite(limit) ? { operator: match[1] as Operator, limit } : undefined;
}

/**
 * Whether a value keeps to a limit.
 *
 * @param value the value
 * @param limit the limit
 */
export function keepsTo(value: number, { operator, limit }: Limit): boolean {
  switch (operator) {
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    case "==":
      return value === limit;
    case ">=":
      return value >= limit;
    case ">":
      return value > limit;
    case "!=":
      return value !== limit;
  }
}

/**
 * Writes a threshold as it is read in a sentence.
 *
 * @param threshold the threshold
 * @returns such as `recoveryMs.p99 < 1000ms`
 */
export function describeThreshold({ figure, operator, limit }: Limit & { figure: Figure }): string {
  return `${figure} ${operator} ${limit}${unitOf(figure)}`;
}
