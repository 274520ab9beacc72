/**
 * Figures as text, for the console and the page alike.
 *
 * @module
 */
import type { CaseResult, MetricResult, StudyResult } from "./result.ts";

/** Less is the rounding of what is nothing. */
const LEAST_SHOWN = 1e-6;

/**
 * A figure for people: as many digits as tell something.
 *
 * @param value the figure
 * @returns such as `4.93`, `12,300` or `—` for nothing
 */
export function figureText(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "—";
  const size = Math.abs(value);
  if (size < LEAST_SHOWN) return "0";
  // A slope, or an end of its interval, may be as small.
  if (size < 0.1) return value.toLocaleString("en", { maximumSignificantDigits: 2 });
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/**
 * How far apart the repetitions were.
 *
 * @param metric the figure
 * @returns such as `4.9 – 5.1`; nothing for a single one
 */
export function rangeText(
  { count, min, max }: Pick<MetricResult, "count" | "min" | "max">,
): string {
  return count < 2 ? "" : `${figureText(min)} – ${figureText(max)}`;
}

/**
 * The bound of a figure.
 *
 * @param metric the figure
 * @returns such as `≤ 5`, or nothing
 */
export function targetText({ target }: Pick<MetricResult, "target">): string {
  if (target === undefined) return "";
  const { atMost, atLeast } = target;
  return [
    ...(atMost === undefined ? [] : [`≤ ${figureText(atMost)}`]),
    ...(atLeast === undefined ? [] : [`≥ ${figureText(atLeast)}`]),
  ].join(", ");
}

/**
 * A law in one line.
 *
 * @param study the law
 * @returns such as `0.084 MB for each one more, + 0.31 MB (R² 1.00)`
 */
export function lawText({ line, power, unit, over, xs }: StudyResult): string {
  const sure = (interval: readonly (number | null)[], r2: number, count: number) => {
    const [low, high] = interval;
    // Through two points everything goes, and of what is 0 there is no logarithm.
    const points = count < 3 || count < xs.length ? `, ${count} points` : "";
    const between = Number.isFinite(low ?? NaN) && Number.isFinite(high ?? NaN)
      ? `95 %: ${figureText(low)} to ${figureText(high)}, `
      : "";
    return `(${between}R² ${r2.toFixed(2)}${points})`;
  };
  if (line !== undefined) {
    const { slope, intercept, slopeInterval, r2, count } = line;
    return `${precise(slope)} ${unit} for each of the ${over} more, beside ${
      figureText(intercept)
    } ${unit} ${sure(slopeInterval, r2, count)}`;
  }
  const { exponent, exponentInterval, r2, count } = power!;
  return `grows with ${over} to the power of ${figureText(exponent)} ${
    sure(exponentInterval, r2, count)
  }`;
}

function precise(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The columns of a table of figures. */
export const COLUMNS = ["Case", "Figure", "Median", "Unit", "Range", "Runs", "Ratio", "Bound", ""];
/** Those that are flush right. */
export const NUMBER_COLUMNS: ReadonlySet<number> = new Set([2, 5, 6]);

/**
 * The rows of a table of figures.
 *
 * @param cases the cases
 * @returns a row for each figure
 */
export function figureRows(cases: readonly CaseResult[]): string[][] {
  return cases.flatMap(({ id, metrics }) =>
    metrics.map((metric, at) => [
      at === 0 ? id : "",
      metric.name,
      figureText(metric.median),
      metric.unit,
      rangeText(metric),
      String(metric.count),
      metric.ratio === undefined ? "" : metric.ratio.median.toFixed(2),
      targetText(metric),
      metric.holds === undefined ? "" : metric.holds ? "holds" : "MISSED",
    ])
  );
}

/**
 * Columns of one width each.
 *
 * @param rows the rows, all of the same length
 * @param right the columns that are flush right
 * @returns a line for each
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      right.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd()
  );
}
