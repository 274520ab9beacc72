/**
 * Which seeds of a workload are run, and when it is enough. It starts nothing itself and looks at no clock but the one it is given.
 *
 * @module
 */

import { isCovered } from "../lib/dst/assertions/judge.ts";
import type { RunFailure } from "../lib/dst/run_plan.ts";
import { emptySummary, mergeSummaries, type Summary } from "../lib/dst/summary.ts";
import type { AnyWorkload } from "../lib/dst/workload.ts";

/** How many seeds there are to be. */
export interface CampaignGoal {
  /** The first seed. */
  readonly firstSeed: number;
  /** Seeds to run, at least, before coverage or time counts. */
  readonly minSeeds: number;
  /** Seeds to run, at most. */
  readonly maxSeeds: number;
  /** Whether to stop as soon as every assertion was reached. */
  readonly untilCovered: boolean;
  /** How long to go on, in milliseconds; infinite without a limit. */
  readonly timeMs: number;
  /** Failures after which it is enough. */
  readonly maxFailures: number;
}

/** Seeds in a row. */
export interface Batch {
  /** The first one. */
  readonly first: number;
  /** How many. */
  readonly count: number;
}

/** A seed that failed. */
export interface FailedSeed {
  /** The seed. */
  readonly seed: number;
  /** Why. */
  readonly failure: RunFailure;
}

/** Why no more seeds are run. */
export type StopReason = "all seeds" | "covered" | "time" | "failures" | "interrupted";

const BATCH_MS = 250;
const BATCH_MAX = 500;

/** The seeds of one workload. */
export class Campaign {
  /** What is run. */
  readonly workload: AnyWorkload;
  /** How many seeds there are to be. */
  readonly goal: CampaignGoal;
  readonly #jobs: number;
  readonly #now: () => number;
  readonly #startMs: number;
  readonly #again: Batch[] = [];
  readonly #failures: FailedSeed[] = [];
  #handedOut = 0;
  #busyMs = 0;
  #summary: Summary;
  #reason: StopReason | undefined;

  /**
   * @param workload what is run
   * @param goal how many seeds there are to be
   * @param jobs how many processes run them
   * @param now a clock, in milliseconds
   */
  constructor(workload: AnyWorkload, goal: CampaignGoal, jobs: number, now: () => number) {
    this.workload = workload;
    this.goal = goal;
    this.#jobs = jobs;
    this.#now = now;
    this.#startMs = now();
    this.#summary = emptySummary(workload.assertions);
  }

  /** What the runs saw so far. */
  get summary(): Summary {
    return this.#summary;
  }

  /** How long it has been going on, in milliseconds. */
  get elapsedMs(): number {
    return this.#now() - this.#startMs;
  }

  /** The seeds that failed, least first; no more than `maxFailures`. */
  get failures(): readonly FailedSeed[] {
    return this.#failures;
  }

  /** Why no more seeds are run; undefined while there are. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** The next seeds to run; undefined if it is enough. */
  next(): Batch | undefined {
    this.#reason ??= this.#whyEnough();
    if (this.#reason === "interrupted" || this.#reason === "failures") return undefined;
    // What a process lost counts as handed out: it is run before the end, whatever the reason for the end.
    const again = this.#again.shift();
    if (again !== undefined || this.#reason !== undefined) return again;
    const count = this.#batchSize();
    if (count === 0) return undefined;
    const first = this.goal.firstSeed + this.#handedOut;
    this.#handedOut += count;
    return { first, count };
  }

  /**
   * Takes what came of a batch.
   *
   * @param summary what the runs saw
   * @param failures which of them failed
   * @param busyMs how long the batch took, in milliseconds
   */
  commit(summary: Summary, failures: readonly FailedSeed[], busyMs: number): void {
    this.#summary = mergeSummaries(this.workload.assertions, this.#summary, summary);
    this.#busyMs += busyMs;
    this.#keep(failures);
  }

  /**
   * Takes that a process was lost in the middle of a batch. What was run before is run again, because what it saw is lost as well.
   *
   * @param batch the batch
   * @param lost the seed that was running, and why the process was lost
   */
  lose(batch: Batch, lost: FailedSeed): void {
    const before = lost.seed - batch.first;
    if (before > 0) this.#again.push({ first: batch.first, count: before });
    const after = batch.count - before - 1;
    if (after > 0) this.#again.push({ first: lost.seed + 1, count: after });
    this.#summary = {
      ...this.#summary,
      runs: this.#summary.runs + 1,
      failed: this.#summary.failed + 1,
    };
    this.#keep([lost]);
  }

  /**
   * Takes that a seed was another run in another process.
   *
   * @param differing the seed, and how it differs
   */
  differ(differing: FailedSeed): void {
    const isNew = this.#failures.every(({ seed }) => seed !== differing.seed);
    if (isNew) this.#summary = { ...this.#summary, failed: this.#summary.failed + 1 };
    else this.#failures.splice(this.#failures.findIndex(({ seed }) => seed === differing.seed), 1);
    this.#keep([differing]);
  }

  /** Ends it: what is running is finished, nothing new begins. */
  interrupt(): void {
    this.#reason = "interrupted";
  }

  #keep(failures: readonly FailedSeed[]): void {
    this.#failures.push(...failures);
    this.#failures.sort((a, b) => a.seed - b.seed);
    this.#failures.splice(this.goal.maxFailures);
  }

  #whyEnough(): StopReason | undefined {
    const { goal, workload } = this;
    const { runs, failed, tallies } = this.#summary;
    if (failed >= goal.maxFailures) return "failures";
    if (this.#handedOut >= goal.maxSeeds) return "all seeds";
    if (runs < goal.minSeeds) return undefined;
    if (goal.untilCovered && isCovered(workload.assertions, tallies)) return "covered";
    return this.elapsedMs >= goal.timeMs ? "time" : undefined;
  }

  /** Enough for a while, and few enough that all processes end at about the same time. */
  #batchSize(): number {
    const { minSeeds, maxSeeds } = this.goal;
    const { runs } = this.#summary;
    const seedMs = runs === 0 ? BATCH_MS : this.#busyMs / runs;
    const forAWhile = Math.min(
      BATCH_MAX,
      Math.max(1, Math.floor(BATCH_MS / Math.max(seedMs, 0.01))),
    );
    const bound = this.#handedOut < minSeeds ? minSeeds : maxSeeds;
    const fairShare = Math.ceil((bound - this.#handedOut) / this.#jobs);
    return Math.min(forAWhile, fairShare, maxSeeds - this.#handedOut);
  }
}
