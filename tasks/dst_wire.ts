/**
 * What the driver of the deterministic simulation and its child processes say to each other: one JSON text per line.
 *
 * @module
 */

import type { FailureLike, RunFailure, RunResult } from "../lib/dst/run_plan.ts";
import type { Summary } from "../lib/dst/summary.ts";
import type { Plan } from "../lib/dst/plan/plan.ts";
import type { ShrinkProgress, ShrinkResult } from "../lib/dst/plan/shrink.ts";

/** What a child is started with. */
export interface ChildSpec {
  /** The module with the workloads; null for those of this project. */
  readonly registry: string | null;
}

/** Runs seeds in a row. */
export interface SeedsRequest {
  /** What is asked for. */
  readonly kind: "seeds";
  /** The workload's name. */
  readonly workload: string;
  /** The first seed. */
  readonly first: number;
  /** How many. */
  readonly count: number;
  /** Whether each is run twice and compared. */
  readonly twice: boolean;
}

/** Runs one plan. */
export interface PlanRequest {
  /** What is asked for. */
  readonly kind: "plan";
  /** The plan. */
  readonly plan: Plan;
  /** Whether it is run twice and compared. */
  readonly twice: boolean;
  /** Whether its trace is wanted. */
  readonly trace: boolean;
}

/** Makes a failing plan smaller. */
export interface ShrinkRequest {
  /** What is asked for. */
  readonly kind: "shrink";
  /** The plan. */
  readonly plan: Plan;
  /** How it fails. */
  readonly failure: FailureLike;
  /** The most runs. */
  readonly maxRuns: number;
  /** The most time, in milliseconds. */
  readonly maxMs: number;
}

/** What a child can be asked for. */
export type Request = SeedsRequest | PlanRequest | ShrinkRequest;

/** One seed was run. */
export interface SeedReply {
  /** What is said. */
  readonly kind: "seed";
  /** The seed. */
  readonly seed: number;
  /** Why it failed; null if it did not. */
  readonly failure: RunFailure | null;
  /** The hash over everything that happened. */
  readonly hash: string;
}

/** All seeds were run. */
export interface SeedsReply {
  /** What is said. */
  readonly kind: "seeds";
  /** What they saw. */
  readonly summary: Summary;
  /** How much memory the child has, in bytes. */
  readonly memoryBytes: number;
}

/** What a child says. The last of an answer is `seeds`, `ran` or `shrunk`. */
export type Reply =
  | SeedReply
  | SeedsReply
  | { readonly kind: "trace"; readonly line: string }
  | { readonly kind: "ran"; readonly result: RunResult }
  | { readonly kind: "tried" }
  | ({ readonly kind: "smaller" } & ShrinkProgress)
  | { readonly kind: "shrunk"; readonly result: ShrinkResult };

/** Whether nothing more is said after this. */
export function isLast(reply: Reply): boolean {
  return reply.kind === "seeds" || reply.kind === "ran" || reply.kind === "shrunk";
}

/**
 * Tells a child's line from what the code under test may print.
 *
 * @param line a line of a child's standard output
 * @returns what it says, or undefined if it is not ours
 */
export function readReply(line: string): Reply | undefined {
  if (!line.startsWith(PREFIX)) return undefined;
  return JSON.parse(line.slice(PREFIX.length));
}

/**
 * Writes what a child says.
 *
 * @param reply what it says
 * @returns a line of its own, whatever was written before
 */
export function writeReply(reply: Reply): string {
  // The code under test may have printed a line without its end.
  return `\n${PREFIX}${JSON.stringify(reply)}\n`;
}

/** With a character that nobody prints. */
const PREFIX = "\u001edst ";
