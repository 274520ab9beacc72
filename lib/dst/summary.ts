/**
 * Many runs in one: plain data that can be put together in any order, so that runs may be spread over processes.
 *
 * @module
 */
import type { Catalog } from "./assertions/catalog.ts";
import { asMerged, emptyMerged, type MergedTallies, mergeTallies } from "./assertions/tally.ts";
import { asMergedSites, type MergedSites, mergeSites } from "./buggify.ts";
import type { RunResult } from "./run_plan.ts";

/** What many runs saw. */
export interface Summary {
  /** How many runs. */
  readonly runs: number;
  /** How many of them failed. */
  readonly failed: number;
  /** Events, in all. */
  readonly events: number;
  /** Simulated time, in virtual milliseconds, in all. */
  readonly virtualMs: number;
  /** What the assertions saw. */
  readonly tallies: MergedTallies;
  /** What happened at the buggify sites. */
  readonly sites: MergedSites;
}

/**
 * No runs.
 *
 * @param catalog what is declared
 * @returns zeros
 */
export function emptySummary(catalog: Catalog): Summary {
  return { runs: 0, failed: 0, events: 0, virtualMs: 0, tallies: emptyMerged(catalog), sites: {} };
}

/**
 * One run.
 *
 * @param catalog what is declared
 * @param result of the run
 * @returns the run, as of many
 */
export function summarise(catalog: Catalog, result: RunResult): Summary {
  return {
    runs: 1,
    failed: result.verdict === "fail" ? 1 : 0,
    events: result.events,
    virtualMs: result.virtualMs,
    tallies: asMerged(catalog, result.seed, result.tallies),
    sites: asMergedSites(result.sites),
  };
}

/**
 * Puts two sets of runs together.
 *
 * @param catalog what is declared
 * @param a one set
 * @param b another set, of other runs
 * @returns both
 */
export function mergeSummaries(catalog: Catalog, a: Summary, b: Summary): Summary {
  return {
    runs: a.runs + b.runs,
    failed: a.failed + b.failed,
    events: a.events + b.events,
    virtualMs: a.virtualMs + b.virtualMs,
    tallies: mergeTallies(catalog, a.tallies, b.tallies),
    sites: mergeSites(a.sites, b.sites),
  };
}
