/**
 * What came of many runs: as data for a file, and as lines for people.
 *
 * @module
 */

import { isMissOfReach, judge, type JudgedAssertion } from "../lib/dst/assertions/judge.ts";
import type { MergedSites } from "../lib/dst/buggify.ts";
import { formatDuration } from "../sim/config/units.ts";
import type { Campaign, FailedSeed, StopReason } from "./dst_campaign.ts";
import { showPace } from "./dst_status.ts";

/** What came of it. */
export type DstVerdict = "pass" | "fail" | "unknown";

/** A failing seed. */
export interface ReportedFailure extends FailedSeed {
  /** The command that shows it again. */
  readonly replay: string;
  /** Files with its plan, and what was made of it. */
  files: string[];
}

/** What came of a workload. */
export interface WorkloadReport {
  /** The workload's name. */
  readonly workload: string;
  /** What came of it. */
  readonly verdict: DstVerdict;
  /** Why it is not `pass`; empty if it is. */
  readonly why: string;
  /** Why no more seeds were run. */
  readonly ended: StopReason;
  /** The first seed. */
  readonly firstSeed: number;
  /** How many seeds were run. */
  readonly seeds: number;
  /** How many of them failed. */
  readonly failed: number;
  /** Events, in all. */
  readonly events: number;
  /** Simulated time, in milliseconds, in all. */
  readonly virtualMs: number;
  /** Real time, in milliseconds. */
  readonly elapsedMs: number;
  /** Figures in one line. */
  readonly pace: string;
  /** Each assertion. */
  readonly assertions: readonly JudgedAssertion[];
  /** Buggify sites. */
  readonly sites: MergedSites;
  /** The first failures. */
  readonly failures: readonly ReportedFailure[];
}

/**
 * Makes the report of a campaign that has ended.
 *
 * @param campaign the campaign
 * @param allowMisses whether what no run reached is no failure; an `always…` that no run evaluated is one all the same
 * @param replay makes the command that shows a failure again
 * @returns the report
 */
export function reportOf(
  campaign: Campaign,
  allowMisses: boolean,
  replay: (failed: FailedSeed) => string,
): WorkloadReport {
  const { workload, summary, goal, elapsedMs, failures } = campaign;
  const assertions = judge(workload.assertions, summary.tallies);
  const ended = campaign.reason ?? "interrupted";
  return {
    workload: workload.name,
    ...verdictOf(campaign, ended, assertions, allowMisses),
    ended,
    firstSeed: goal.firstSeed,
    seeds: summary.runs,
    failed: summary.failed,
    events: summary.events,
    virtualMs: summary.virtualMs,
    elapsedMs,
    pace: showPace(summary, elapsedMs),
    assertions,
    sites: summary.sites,
    failures: failures.map((failed) => ({ ...failed, replay: replay(failed), files: [] })),
  };
}

function verdictOf(
  { summary, goal }: Campaign,
  ended: StopReason,
  assertions: readonly JudgedAssertion[],
  allowMisses: boolean,
): { verdict: DstVerdict; why: string } {
  if (summary.failed > 0) {
    return { verdict: "fail", why: `${summary.failed} of ${countOf(summary.runs, "seed")} failed` };
  }
  if (ended === "interrupted") return { verdict: "unknown", why: "interrupted" };
  if (summary.runs === 0) return { verdict: "unknown", why: "nothing was run" };
  const missed = assertions.filter((judged) =>
    judged.verdict === "miss" && !(allowMisses && isMissOfReach(judged))
  );
  if (missed.length === 0) return { verdict: "pass", why: "" };
  const capped = goal.untilCovered ? `, and the cap of ${goal.maxSeeds} seeds is reached` : "";
  const after = ended === "time" ? `, and the time is over` : capped;
  return { verdict: "fail", why: `${countOf(missed.length, "assertion")} not reached${after}` };
}

/**
 * So many of something.
 *
 * @param count how many
 * @param what of what, in the singular
 * @returns such as `1 fault` or `3 faults`
 */
export function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/**
 * A text of several lines, for a place where it is not at the left margin.
 *
 * @param text the text
 * @returns the same, all lines but the first moved to the right
 */
export function indent(text: string): string {
  return text.replaceAll("\n", "\n      ");
}

/**
 * The worst of several verdicts.
 *
 * @param verdicts some
 * @returns `fail` before `unknown` before `pass`
 */
export function worst(verdicts: readonly DstVerdict[]): DstVerdict {
  if (verdicts.includes("fail")) return "fail";
  return verdicts.includes("unknown") || verdicts.length === 0 ? "unknown" : "pass";
}

/**
 * The report of a workload for people.
 *
 * @param report the report
 * @returns the lines
 */
export function renderWorkload(report: WorkloadReport): string[] {
  const { workload, pace, assertions, sites, failures, failed, verdict, why } = report;
  const shownOf = failures.length < failed ? `, the first ${failures.length} of ${failed}` : "";
  return [
    `${workload}: ${pace}`,
    "",
    ...table(["assertion", "kind", "verdict", "evaluated", "true", "false", "first", "figures"], [
      ...assertions.map(assertionRow),
    ], "lllrrrrl"),
    ...assertions.filter(({ missingKeys }) => missingKeys.length > 0).map(missingLine),
    "",
    ...siteLines(sites),
    ...(failures.length === 0 ? [] : [`failures${shownOf}:`]),
    ...failures.flatMap(failureLines),
    `${workload}: ${verdict}${why === "" ? "" : ` (${why})`}`,
  ];
}

function assertionRow(assertion: JudgedAssertion): string[] {
  const { name, kind, verdict, tally } = assertion;
  const { evaluated, held, notHeld, firstSeed } = tally;
  return [
    name,
    kind,
    verdict === "pass" ? verdict : verdict.toUpperCase(),
    String(evaluated),
    String(held),
    String(notHeld),
    firstSeed === null ? "-" : String(firstSeed),
    figuresOf(assertion),
  ];
}

function figuresOf({ kind, bound, tally, keyCount, missingKeys, verdict, why }: JudgedAssertion) {
  if (keyCount > 0) return `${keyCount - missingKeys.length} of ${keyCount} seen`;
  if (bound === null) return verdict === "pass" ? "" : why;
  if (tally.watermark === null) return "";
  const word = kind === "alwaysAtLeast" ? "least" : "most";
  const relation = kind === "alwaysAtMost" ? "≤" : "≥";
  const mark = Math.round(tally.watermark * 1_000) / 1_000;
  return `${word} ${mark} (seed ${tally.watermarkSeed}), ${relation} ${bound}`;
}

const KEYS_SHOWN = 20;

function missingLine({ name, missingKeys }: JudgedAssertion): string {
  const more = missingKeys.length - KEYS_SHOWN;
  const shown = missingKeys.slice(0, KEYS_SHOWN).join(", ");
  return `  ${name}: never seen: ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}

function siteLines(sites: MergedSites): string[] {
  const rows = Object.entries(sites).map(([site, { runs, activeRuns, calls, fired }]) => [
    site,
    `${activeRuns} of ${runs}`,
    String(calls),
    String(fired),
  ]);
  if (rows.length === 0) return [];
  return [...table(["buggify site", "active runs", "calls", "fired"], rows, "lrrr"), ""];
}

function failureLines({ seed, failure, replay, files }: ReportedFailure): string[] {
  const { kind, check, message, atMs } = failure;
  return [
    `  seed ${seed}: ${kind} "${check}" after ${formatDuration(atMs)}: ${indent(message)}`,
    `    ${replay}`,
    ...files.map((file) => `    ${file}`),
  ];
}

/** Columns as wide as they need to be. */
function table(head: string[], rows: string[][], align: string): string[] {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (row: string[]) =>
    row.map((cell, i) => align[i] === "r" ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
      .join("  ").trimEnd();
  return [head, ...rows].map((row) => `  ${line(row)}`);
}
