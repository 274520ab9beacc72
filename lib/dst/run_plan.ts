/**
 * Runs a plan in a world of its own and tells what came of it, as plain data.
 *
 * @module
 */
import { describeError } from "../errors.ts";
import { Assertions } from "./assertions/assertions.ts";
import type { Tallies } from "./assertions/tally.ts";
import { Buggifier, type SiteReport } from "./buggify.ts";
import { type FailureKind, SimulationFailure } from "./kernel/failure.ts";
import type { Kernel } from "./kernel/kernel.ts";
import { compareRuns } from "./kernel/divergence.ts";
import { type Outcome, simulate, type SimulationOptions } from "./kernel/simulate.ts";
import { Trace, type TraceRecord } from "./kernel/trace.ts";
import { orderPlan, type Plan } from "./plan/plan.ts";
import { type AnyWorkload, drawsOf, expandPlan, type Simulation } from "./workload.ts";

/** Why a run failed. */
export interface RunFailure {
  /** What kind of failure. */
  readonly kind: FailureKind;
  /** Which assertion or detector. */
  readonly check: string;
  /** What was seen, for people. */
  readonly message: string;
  /** When, in virtual milliseconds. */
  readonly atMs: number;
  /** Where an error of the code under test came from; empty if it was none. */
  readonly stack: string;
  /** The last records of the trace, oldest first. */
  readonly recent: readonly TraceRecord[];
}

/** What came of a run. */
export interface RunResult {
  /** The workload's name. */
  readonly workload: string;
  /** The seed. */
  readonly seed: number;
  /** Whether all was well. */
  readonly verdict: "pass" | "fail";
  /** Why not; null if it was. */
  readonly failure: RunFailure | null;
  /** The hash over everything that happened. */
  readonly hash: string;
  /** The hash after every thousand records. */
  readonly checkpoints: readonly string[];
  /** How many events were fired. */
  readonly events: number;
  /** How long it took in the simulation, in virtual milliseconds. */
  readonly virtualMs: number;
  /** How long it really took, in milliseconds. */
  readonly wallMs: number;
  /** What the assertions saw. */
  readonly tallies: Tallies;
  /** What happened at the buggify sites. */
  readonly sites: SiteReport;
}

/** How to run. */
export interface RunPlanOptions {
  /** A clock of the real world, in milliseconds: a simulation has none. */
  readonly now: () => number;
  /** Called with each record of the trace. */
  readonly onTrace?: (record: TraceRecord) => void;
  /** See {@linkcode KernelOptions.distrustQuiet}: the same run, only slower, if what promises to set nothing off keeps its promise. */
  readonly distrustQuiet?: boolean;
}

const RECENT_MAX = 20;
const STACK_MAX = 2_000;

/**
 * Runs a plan once, with throwing stubs in the place of the globals that lead out of the simulation. Nothing else may be at work in the
 * process.
 *
 * @param workload whose plan it is
 * @param plan the plan, its steps in any order
 * @param options a clock, and who wants the trace
 * @returns what came of it; a failure is a result, not an error
 */
export async function runPlan(
  workload: AnyWorkload,
  plan: Plan,
  options: RunPlanOptions,
): Promise<RunResult> {
  const run = new PlannedRun(workload, plan, options);
  return run.resultOf(await simulate(run.options, run.work));
}

/**
 * Runs a plan twice. Two runs of one plan have to be the same in everything; if they are not, something came in from outside the seed.
 *
 * @param workload whose plan it is
 * @param plan the plan, its steps in any order
 * @param options a clock, and who wants the trace of the first run
 * @returns what came of the first run; a failure of kind `divergence` if the second was not the same
 */
export async function runTwice(
  workload: AnyWorkload,
  plan: Plan,
  options: RunPlanOptions,
): Promise<RunResult> {
  const run = new PlannedRun(workload, plan, options);
  const { outcome, divergence } = await compareRuns(run.options, run.work);
  const failure = divergence?.failure ?? run.hiddenDifference(outcome.virtualMs);
  return run.resultOf(failure === undefined ? outcome : { ...outcome, failure });
}

/**
 * Makes the plan of a seed and runs it.
 *
 * @param workload what to run
 * @param seed the seed
 * @param run how to run a plan: {@linkcode runPlan} or {@linkcode runTwice}
 * @returns what came of it; a seed of which no plan can be made has failed
 */
export async function runSeed(
  workload: AnyWorkload,
  seed: number,
  run: (plan: Plan) => Promise<RunResult>,
): Promise<RunResult> {
  let plan: Plan;
  try {
    plan = expandPlan(workload, seed);
  } catch (error) {
    return unexpanded(workload, seed, error);
  }
  return await run(plan);
}

/**
 * Tells whether two failures are the same: the same assertion or detector, whatever it saw. Errors that nobody caught are told apart by
 * what they say, numbers aside: where they came out says little of what they are.
 *
 * @param a a failure, or null
 * @param b a failure, or null
 * @returns true if both are failures of one kind and check, and crashes say the same
 */
export function isSameFailure(a: FailureLike | null, b: FailureLike | null): boolean {
  if (a === null || b === null || a.kind !== b.kind || a.check !== b.check) return false;
  return a.kind !== "crash" || wordsOf(a) === wordsOf(b);
}

/** A failure, as far as it is compared. */
export type FailureLike = Pick<RunFailure, "kind" | "check" | "message">;

/** Names of processes, times and counts differ from run to run. */
function wordsOf({ message }: FailureLike): string {
  return message.replaceAll(/[0-9a-f]{8}-[0-9a-f-]+|\d+/g, "#");
}

/** A plan that is about to be run, once or more often. */
class PlannedRun {
  /** For the kernel. */
  readonly options: SimulationOptions;
  readonly #workload: AnyWorkload;
  readonly #plan: Plan;
  readonly #now: () => number;
  readonly #startMs: number;
  /** The first run and the second: what a comparison does more is looking for the place. */
  readonly #simulations: Simulation[] = [];
  #runs = 0;

  constructor(workload: AnyWorkload, plan: Plan, options: RunPlanOptions) {
    const { now, onTrace, distrustQuiet } = options;
    this.#workload = workload;
    this.#plan = orderPlan(plan);
    this.#now = now;
    this.#startMs = now();
    const { limits, lateEffects, stubs } = workload;
    this.options = {
      seed: plan.seed,
      ...(limits === undefined ? {} : { limits }),
      ...(lateEffects === undefined ? {} : { lateEffects }),
      ...(stubs === undefined ? {} : { stubs }),
      ...(distrustQuiet === undefined ? {} : { distrustQuiet }),
      ...(onTrace === undefined ? {} : {
        onTrace: (record: TraceRecord) => {
          if (this.#runs === 1) onTrace(record);
        },
      }),
    };
  }

  /** Drives a run. */
  readonly work = async (kernel: Kernel): Promise<void> => {
    this.#runs++;
    const simulation = prepare(this.#workload, this.#plan, kernel);
    if (this.#runs <= 2) this.#simulations.push(simulation);
    await this.#workload.run(simulation, this.#plan);
  };

  /** What came of the first run. */
  resultOf({ seed, failure, trace, events, virtualMs }: Outcome<void>): RunResult {
    const simulation = this.#simulations[0];
    return {
      workload: this.#workload.name,
      seed,
      verdict: failure === undefined ? "pass" : "fail",
      failure: failure === undefined ? null : describeFailure(failure, trace),
      hash: trace.hash,
      checkpoints: [...trace.checkpoints],
      events,
      virtualMs,
      wallMs: this.#now() - this.#startMs,
      tallies: simulation?.assertions.tallies() ?? {},
      sites: simulation?.buggify.report() ?? {},
    };
  }

  /** What differs between two runs with one trace: what was asserted, or where code might have misbehaved. */
  hiddenDifference(atMs: number): SimulationFailure | undefined {
    const [first, second] = this.#simulations.map(({ assertions, buggify }) =>
      JSON.stringify([assertions.tallies(), buggify.report()])
    );
    if (first === second) return undefined;
    const message = "the traces are the same, but not what the assertions or buggify sites saw";
    return new SimulationFailure("divergence", "two runs of one seed", message, atMs);
  }
}

function prepare(workload: AnyWorkload, plan: Plan, kernel: Kernel): Simulation {
  const note = (entity: string, label: string) => kernel.trace.note(kernel.nowMs, entity, label);
  const assertions = new Assertions(workload.assertions, (name, message) => {
    kernel.fail(new SimulationFailure("assertion", name, message, kernel.nowMs));
  });
  const buggify = new Buggifier({
    seed: plan.seed,
    active: plan.buggify,
    drawOthers: plan.swarm["buggify"] !== false,
    onFired: (entity, site) => note(entity, `buggify ${site}`),
  });
  return {
    kernel,
    plan,
    assertions,
    buggify,
    draws: drawsOf(plan.seed),
    awaiting: (name, promise) => kernel.awaiting(name, promise),
    note,
  };
}

function unexpanded(workload: AnyWorkload, seed: number, error: unknown): RunResult {
  const trace = new Trace();
  const kind = error instanceof SimulationFailure ? error.kind : "crash";
  const failure = new SimulationFailure(kind, "expand", describeError(error), 0, error);
  return {
    workload: workload.name,
    seed,
    verdict: "fail",
    failure: describeFailure(failure, trace),
    hash: trace.hash,
    checkpoints: [],
    events: 0,
    virtualMs: 0,
    wallMs: 0,
    tallies: {},
    sites: {},
  };
}

function describeFailure(failure: SimulationFailure, trace: Trace): RunFailure {
  const { kind, check, atMs, cause } = failure;
  const stack = cause instanceof Error ? cause.stack ?? "" : "";
  return {
    kind,
    check,
    message: bareMessage(failure),
    atMs,
    stack: stack.slice(0, STACK_MAX),
    recent: trace.recent.slice(-RECENT_MAX),
  };
}

/** What was seen, without what is told apart here: the check in front, seed and time at the end. */
function bareMessage({ check, message, seed, atMs }: SimulationFailure): string {
  const [front, end] = [`${check}: `, ` (seed ${seed}, ${atMs.toFixed(3)} ms)`];
  const text = message.startsWith(front) ? message.slice(front.length) : message;
  return text.endsWith(end) ? text.slice(0, -end.length) : text;
}
