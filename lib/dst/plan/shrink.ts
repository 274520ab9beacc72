/**
 * Makes a failing plan smaller: fewer faults and operations by delta debugging, then simpler in ways that the workload proposes. A smaller
 * plan counts only if it fails the same way, so that no other bug is found by the way and taken for this one.
 *
 * A failure that needs some luck of latencies, too, goes away with many a step that has nothing to do with it: whatever is left out, other
 * messages have that latency. So where much is left, smaller plans are tried under other seeds.
 *
 * @module
 */
import { type FailureLike, isSameFailure, type RunResult } from "../run_plan.ts";
import type { Simplification } from "../workload.ts";
import { ddmin } from "./ddmin.ts";
import { Draws } from "../draw.ts";
import { orderPlan, type Plan, type PlanStep } from "./plan.ts";
import { formatPlan } from "./plan_json.ts";

/** How far a search has come. */
export interface ShrinkProgress {
  /** How many runs it took so far. */
  readonly runs: number;
  /** Operations that are left. */
  readonly operations: number;
  /** Faults that are left. */
  readonly faults: number;
}

/** What to shrink, and how long to try. */
export interface ShrinkOptions {
  /** The failing plan. */
  readonly plan: Plan;
  /** How it fails. */
  readonly failure: FailureLike;
  /** Runs a plan. */
  readonly run: (plan: Plan) => Promise<RunResult>;
  /** Simpler plans that the workload proposes. */
  readonly simplify?: (plan: Plan) => Iterable<Simplification>;
  /** A clock of the real world, in milliseconds. */
  readonly now: () => number;
  /** The most runs, the first one included. */
  readonly maxRuns: number;
  /** The most time, in real milliseconds. A run that has begun is not interrupted. */
  readonly maxMs: number;
  /** Called whenever a smaller plan was found. */
  readonly onProgress?: (progress: ShrinkProgress) => void;
}

/** What is left of a plan. */
export interface ShrinkResult {
  /** Whether the plan failed this way at all; if not, it is returned as it was. */
  readonly reproduced: boolean;
  /** The smallest plan that was found. */
  readonly plan: Plan;
  /** What came of its run. */
  readonly result: RunResult;
  /** How many runs it took. */
  readonly runs: number;
  /** How long it took, in real milliseconds. */
  readonly elapsedMs: number;
  /** False if the budget ended before the search did: a smaller plan may exist. */
  readonly complete: boolean;
  /** The simplifications that were accepted, in their order. */
  readonly simplifications: readonly string[];
}

/**
 * Shrinks a plan.
 *
 * @param options the plan, how it fails, and a budget
 * @returns the smallest plan that was found
 */
export async function shrink(options: ShrinkOptions): Promise<ShrinkResult> {
  const search = new Search(options);
  const first = await options.run(options.plan);
  if (!isSameFailure(first.failure, options.failure)) {
    return search.outcome(false, first);
  }
  search.begin(first);
  while (await search.pass());
  for (const count of OTHER_SEEDS) {
    if (!search.isLarge) break;
    search.tryOtherSeeds(count);
    while (await search.pass());
  }
  return search.outcome(true, first);
}

/** From here on a plan is long. */
const MANY_STEPS = 16;
/** So much can be understood by reading it. */
export const SMALL_PLAN = { operations: 10, faults: 3 } as const;

/**
 * Whether a plan can be understood by reading it.
 *
 * @param left how many operations and faults it has
 * @returns true for as many as in {@linkcode SMALL_PLAN}, or fewer
 */
export function isSmall(
  { operations, faults }: Pick<ShrinkProgress, "operations" | "faults">,
): boolean {
  return operations <= SMALL_PLAN.operations && faults <= SMALL_PLAN.faults;
}

/** So many other seeds a smaller plan is tried under: more where few were not enough. */
const OTHER_SEEDS = [12, 50, 200];

class Search {
  readonly #options: ShrinkOptions;
  readonly #startMs: number;
  /** Plans that were tried, so that none is run twice and no circle of simplifications is walked for ever. */
  readonly #tried = new Set<string>();
  readonly #simplifications: string[] = [];
  #plan: Plan;
  #result: RunResult | undefined;
  #runs = 1;
  #exhausted = false;
  #otherSeeds: readonly number[] = [];

  constructor(options: ShrinkOptions) {
    this.#options = options;
    this.#startMs = options.now();
    this.#plan = orderPlan(options.plan);
  }

  /** Names the sites that were drawn active: the plan means the same, and they can be switched off. */
  begin(first: RunResult): void {
    const active = Object.entries(first.sites).map(([site, stats]) => [site, stats.active]);
    this.#plan = {
      ...this.#plan,
      buggify: { ...this.#plan.buggify, ...Object.fromEntries(active) },
    };
    this.#tried.add(formatPlan(this.#plan));
    this.#result = first;
  }

  /** Tries everything once; true if it is worth trying again. */
  async pass(): Promise<boolean> {
    const before = formatPlan(this.#plan);
    await this.#leaveOutLater();
    await this.#leaveOut((plan, faults) => ({ ...plan, faults }), this.#plan.faults);
    await this.#leaveOut((plan, operations) => ({ ...plan, operations }), this.#plan.operations);
    while (await this.#simplify());
    return !this.#exhausted && formatPlan(this.#plan) !== before;
  }

  /** Whether more is left than can be understood by reading it. */
  get isLarge(): boolean {
    const { operations, faults } = this.#plan;
    return !isSmall({ operations: operations.length, faults: faults.length });
  }

  /** From now on a smaller plan counts, too, if it fails under another seed, one of so many. */
  tryOtherSeeds(count: number): void {
    const draws = new Draws(this.#options.plan.seed, "other seeds");
    this.#otherSeeds = Array.from({ length: count }, () => draws.bits());
  }

  outcome(reproduced: boolean, first: RunResult): ShrinkResult {
    return {
      reproduced,
      plan: this.#plan,
      result: this.#result ?? first,
      runs: this.#runs,
      elapsedMs: this.#options.now() - this.#startMs,
      complete: !this.#exhausted,
      simplifications: [
        ...this.#simplifications,
        ...(this.#plan.seed === this.#options.plan.seed ? [] : [`seed ${this.#plan.seed}`]),
      ],
    };
  }

  /** What was to come after the failure has nothing to do with it, unless the run ends sooner without it. */
  async #leaveOutLater(): Promise<void> {
    const atMs = this.#result?.failure?.atMs ?? Infinity;
    const soon = (steps: readonly PlanStep[]) => steps.filter((step) => step.atMs <= atMs);
    const { operations, faults } = this.#plan;
    // A short plan is shrunk in no time; one of the later steps may be all that it takes, with others left out.
    if (operations.length + faults.length < MANY_STEPS) return;
    await this.#accepts({
      ...this.#plan,
      operations: soon(operations),
      faults: soon(faults),
    });
  }

  async #leaveOut(
    withSteps: (plan: Plan, steps: readonly PlanStep[]) => Plan,
    steps: readonly PlanStep[],
  ): Promise<void> {
    await ddmin(steps, async (part) => {
      for (const seed of new Set([this.#plan.seed, ...this.#otherSeeds])) {
        if (await this.#accepts({ ...withSteps(this.#plan, part), seed })) return true;
      }
      return false;
    });
  }

  /** Accepts the first simpler plan that still fails; true if there was one. */
  async #simplify(): Promise<boolean> {
    const ofWorkload = this.#options.simplify?.(this.#plan) ?? [];
    for (const candidates of [simplerSites(this.#plan), ofWorkload]) {
      for (const { what, plan } of candidates) {
        if (this.#exhausted) return false;
        if (!await this.#accepts(plan)) continue;
        this.#simplifications.push(what);
        return true;
      }
    }
    return false;
  }

  /** Runs a candidate, and keeps it if it fails the same way. */
  async #accepts(candidate: Plan): Promise<boolean> {
    const plan = orderPlan(candidate);
    const { failure, maxRuns, maxMs, now, run, onProgress } = this.#options;
    const text = formatPlan(plan);
    if (this.#tried.has(text)) return false;
    this.#exhausted ||= this.#runs >= maxRuns || now() - this.#startMs >= maxMs;
    if (this.#exhausted) return false;
    this.#tried.add(text);
    this.#runs++;
    const result = await run(plan);
    if (!isSameFailure(result.failure, failure)) return false;
    this.#plan = plan;
    this.#result = result;
    const { operations, faults } = plan;
    onProgress?.({ runs: this.#runs, operations: operations.length, faults: faults.length });
    return true;
  }
}

/** All sites off; if that is too much, one of them. */
function* simplerSites(plan: Plan): Iterable<Simplification> {
  const active = Object.keys(plan.buggify).filter((site) => plan.buggify[site]);
  const without = (sites: readonly string[]): Plan => {
    const off = Object.fromEntries(sites.map((site) => [site, false]));
    return { ...plan, buggify: { ...plan.buggify, ...off } };
  };
  if (active.length > 1) yield { what: "all buggify sites off", plan: without(active) };
  for (const site of active) yield { what: `buggify ${site} off`, plan: without([site]) };
}
