/**
 * Limits that a run's figures must keep to, as the configuration says them.
 *
 * @module
 */
import type { SimulationConfig } from "../config/config_schema.ts";

/** One limit, and whether it was kept to. */
export interface ThresholdResult {
  /** The figure's place in the report, such as `recoveryMs.p99`. */
  readonly figure: string;
  /** The most that is allowed, in milliseconds. */
  readonly maxMs: number;
  /** What it was; null if there was nothing to measure. */
  readonly actualMs: number | null;
  /** False if it was more than allowed. */
  readonly holds: boolean;
}

type Thresholds = SimulationConfig["thresholds"];
/** The figures that can have a limit, as the report has them. */
export type LimitedFigures = {
  readonly [Section in keyof Thresholds]: {
    readonly [Key in keyof Thresholds[Section]]-?: number | null;
  };
};

/**
 * Compares figures with their limits.
 *
 * @param thresholds the limits
 * @param figures the figures
 * @returns one result for each limit that is set
 */
export function checkThresholds(
  thresholds: Thresholds,
  figures: LimitedFigures,
): ThresholdResult[] {
  const results: ThresholdResult[] = [];
  for (const [section, limits] of Object.entries(thresholds)) {
    const actual = figures[section as keyof LimitedFigures] as Record<string, number | null>;
    for (const [key, maxMs] of Object.entries(limits)) {
      if (maxMs === undefined) continue;
      const actualMs = actual[key] ?? null;
      const holds = actualMs === null || actualMs <= maxMs;
      results.push({ figure: `${section}.${key}`, maxMs, actualMs, holds });
    }
  }
  return results;
}

/**
 * Writes a limit that was exceeded for people.
 *
 * @param result the limit
 * @returns one sentence
 */
export function describeExceeded({ figure, maxMs, actualMs }: ThresholdResult): string {
  return `threshold exceeded: ${figure} is ${actualMs}ms, at most ${maxMs}ms are allowed`;
}
