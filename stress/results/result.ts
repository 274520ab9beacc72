/**
 * `stress.json`: what was measured, where, and what is thought of it.
 *
 * @module
 */
import type { Machine } from "../../sim/measure/machine_load.ts";
import type { CaseSize, Metric, MetricKind, Series, Study, Target } from "../case.ts";
import type { LineFit, PowerFit } from "../statistics/least_squares.ts";
import type { Spread } from "../statistics/spread.ts";
import type { MachineFacts } from "./machine.ts";

/** What a file says of itself. */
export const RESULT_FORMAT = "parti-stress";
/** Raised when an older program could not read it any more. */
export const RESULT_VERSION = 1;
/** Its name in the output folder. */
export const RESULT_FILE = "stress.json";

/** What came of something. */
export type Verdict = "pass" | "fail" | "unknown";

/** Several values of one figure. */
export interface Values extends Spread {
  /** One for each process, the median of its rounds; where one process has measured all, one for each round. */
  readonly values: readonly number[];
}

/** One figure of a case. */
export interface MetricResult extends Values {
  /** Its name. */
  readonly name: string;
  /** Its unit. */
  readonly unit: string;
  /** What it is. */
  readonly kind: MetricKind;
  /** Which direction is better. */
  readonly better: Metric["better"];
  /** What is measured. */
  readonly what: string;
  /** What the processes of the baseline case have measured, whose median is taken off; undefined where nothing is. */
  readonly base?: readonly number[];
  /** Its limit, measured in the same runs. */
  readonly limit?: Values & { readonly what: string };
  /** The value over the limit, run by run. */
  readonly ratio?: Values;
  /** The bound it has to keep to. */
  readonly target?: Target;
  /** Whether it does; undefined where it has none. */
  readonly holds?: boolean;
}

/** One case. */
export interface CaseResult {
  /** Its whole name. */
  readonly id: string;
  /** What it measures. */
  readonly title: string;
  /** How large it is. */
  readonly size?: CaseSize;
  /** Its figures, those that could be measured. */
  readonly metrics: readonly MetricResult[];
  /** Figures over time. */
  readonly series: readonly Series[];
  /** What was found to be wrong. */
  readonly problems: readonly string[];
  /** What should be known and is not wrong; not there if nothing is. */
  readonly notes?: readonly string[];
  /** Why something could not be measured. */
  readonly failures: readonly string[];
  /** For each process that has measured: the highest load average while it ran. */
  readonly loadAverages: readonly number[];
}

/** A law over several cases. */
export interface StudyResult extends Pick<Study, "title" | "over" | "metric" | "law"> {
  /** Its whole name. */
  readonly id: string;
  /** The unit of the figure. */
  readonly unit: string;
  /** The sizes. */
  readonly xs: readonly number[];
  /** The medians. */
  readonly ys: readonly number[];
  /** So much for each one more; for `line`. */
  readonly line?: LineFit;
  /** The exponent; for `power`. */
  readonly power?: PowerFit;
}

/** All that was measured. */
export interface StressResult {
  /** {@linkcode RESULT_FORMAT}. */
  readonly format: typeof RESULT_FORMAT;
  /** {@linkcode RESULT_VERSION}. */
  readonly version: typeof RESULT_VERSION;
  /** When it began, ISO 8601. */
  readonly startedAt: string;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** The arguments with which it is measured again. */
  readonly arguments: readonly string[];
  /** All chances followed from it. */
  readonly seed: number;
  /** Whether it was only a sanity check. */
  readonly quick: boolean;
  /** Why it is not all that was to be measured; not there if it is. */
  readonly unfinished?: string;
  /** The planted defect; null for none. */
  readonly fault: string | null;
  /** The commit of the code; empty if it is not known. */
  readonly commit: string;
  /** Where. */
  readonly machine: MachineFacts;
  /** How busy it was over all; whether a figure is judged follows from its case's. */
  readonly load: Machine;
  /** The cases. */
  readonly cases: readonly CaseResult[];
  /** What is read out of several. */
  readonly studies: readonly StudyResult[];
  /** What is thought of it. */
  readonly verdict: Verdict;
  /** Why it is not a pass. */
  readonly reasons: readonly string[];
}
