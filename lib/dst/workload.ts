/**
 * What a simulation runs: a workload makes a plan of a seed, and carries it out against the code under test.
 *
 * @module
 */
import type { Assertions } from "./assertions/assertions.ts";
import { type Catalog, checkCatalog } from "./assertions/catalog.ts";
import type { Buggifier } from "./buggify.ts";
import { Draws } from "./draw.ts";
import { installStubs, type StubOptions } from "./host/stubs.ts";
import { SimulationFailure } from "./kernel/failure.ts";
import type { Kernel, KernelLimits, KernelOptions } from "./kernel/kernel.ts";
import { type Plan, PLAN_VERSION, type PlanBody, type PlanStep } from "./plan/plan.ts";
import { checkPlan } from "./plan/plan_json.ts";

/** Gives the draws for a purpose and, if there are several, an entity. */
export type DrawsFor = (label: string, entity?: string) => Draws;

/** A run, as a workload sees it. */
export interface Simulation<C extends Catalog = Catalog> {
  /** Time and events. */
  readonly kernel: Kernel;
  /** What is to be done. */
  readonly plan: Plan;
  /** The workload's assertions. One that is broken ends the run after the present event; it does not throw. */
  readonly assertions: Assertions<C>;
  /** Places that may misbehave; `buggify.for(process)` is the port for a process. */
  readonly buggify: Buggifier;
  /** Draws of the plan's seed. Key them by a step's id or a process, so that leaving out another changes nothing. */
  readonly draws: DrawsFor;
  /**
   * Names what is waited for, so that a deadlock can be told by name.
   *
   * @param name what is waited for
   * @param promise the waiting itself
   * @returns the same promise
   */
  awaiting<T>(name: string, promise: Promise<T>): Promise<T>;
  /**
   * Puts something into the trace, and so into the hash that two runs of one seed must share.
   *
   * @param entity who
   * @param label what, from a small set of texts
   */
  note(entity: string, label: string): void;
}

/** A plan that does less, and perhaps fails all the same. */
export interface Simplification {
  /** What is simpler, such as `two nodes instead of five`. */
  readonly what: string;
  /** The simpler plan. */
  readonly plan: Plan;
}

/** Something to simulate. All of it is a pure function of the seed: it keeps nothing from one run to the next. */
export interface Workload<C extends Catalog = Catalog> {
  /** A short name, for the command line. */
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  /** What it asserts. */
  readonly assertions: C;
  /** Bounds of a run, where the kernel's own do not fit. */
  readonly limits?: Partial<KernelLimits>;
  /** What becomes of effects of dead processes; see {@linkcode KernelOptions.lateEffects}. */
  readonly lateEffects?: NonNullable<KernelOptions["lateEffects"]>;
  /** Globals that stay although they lead out, for third-party code that cannot do without; `false` leaves all as they are. */
  readonly stubs?: StubOptions | false;
  /**
   * Makes a plan of a seed.
   *
   * @param seed the seed
   * @param draws its draws
   * @returns everything but what {@linkcode expandPlan} adds; the steps may be in any order
   */
  expand(seed: number, draws: DrawsFor): PlanBody;
  /**
   * Refuses a plan that makes no sense, such as one from a file with a misspelt step. Asked of every plan before it is run.
   *
   * @param plan the plan
   * @throws {PartiError} `PARTI_INVALID_CONFIG`
   */
  check?(plan: Plan): void;
  /**
   * Carries a plan out, to its end: what it returns, nobody reads.
   *
   * @param simulation the run
   * @param plan the same as `simulation.plan`
   */
  run(simulation: Simulation<C>, plan: Plan): Promise<void>;
  /**
   * Simpler plans to try when a failing one is shrunk, most promising first: fewer nodes, shorter durations. Leaving out steps and
   * switching sites off is done without it. A simpler plan must be so by a measure that cannot sink for ever.
   *
   * @param plan a failing plan
   * @returns simpler ones
   */
  simplify?(plan: Plan): Iterable<Simplification>;
}

/** A workload whose assertions are known to itself only: what registries hold and drivers run. */
export type AnyWorkload = Workload<Catalog>;

/**
 * Declares a workload: the compiler derives the names of its assertions and checks each use.
 *
 * @param workload the workload
 * @returns the same, for a registry
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if its catalog makes no sense
 */
export function defineWorkload<C extends Catalog>(workload: Workload<C>): AnyWorkload {
  checkCatalog(workload.assertions);
  // The only reader of the catalog's exact type is the workload itself, which gets back what it declared.
  return workload as unknown as AnyWorkload;
}

/**
 * Makes the plan of a seed.
 *
 * @param workload whose plan
 * @param seed an integer from 0 to 2^53 − 1
 * @returns the plan, checked, its steps in order
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if what the workload made is not a plan
 * @throws {SimulationFailure} if it does not follow from the seed alone
 */
export function expandPlan(workload: AnyWorkload, seed: number): Plan {
  const body = expandGuarded(workload, seed);
  // What depends on how often it was asked would be another plan in the process that replays it.
  if (JSON.stringify(body) !== JSON.stringify(expandGuarded(workload, seed))) {
    const message = "it was expanded twice, and the plans differ";
    throw new SimulationFailure("divergence", "two plans of one seed", message, 0);
  }
  const plan = { version: PLAN_VERSION, workload: workload.name, seed, ...body };
  const checked = checkPlan(plan, `what ${workload.name} makes of seed ${seed}`);
  workload.check?.(checked);
  return checked;
}

/** With the ways out closed, as in a run: a plan that does not follow from the seed is not the one that failed when it is made again. */
function expandGuarded(workload: AnyWorkload, seed: number): PlanBody {
  let escaped: SimulationFailure | undefined;
  const onEscape = (failure: SimulationFailure): void => {
    escaped ??= failure;
  };
  const { stubs } = workload;
  const putBack = stubs === false ? () => {} : installStubs({ nowMs: () => 0, onEscape }, stubs);
  let body: PlanBody;
  try {
    body = workload.expand(seed, drawsOf(seed));
  } finally {
    putBack();
  }
  // It may have caught what it got.
  if (escaped !== undefined) throw escaped;
  return body;
}

/**
 * The draws of a seed.
 *
 * @param seed the seed
 * @returns gives the draws for a purpose and an entity, from the first on at each call
 */
export function drawsOf(seed: number): DrawsFor {
  return (label, entity = "") => new Draws(seed, label, entity);
}

/**
 * Carries out steps, each at its time.
 *
 * @param simulation the run
 * @param steps the steps; those whose time is over happen at once
 * @param act carries one out; the others do not wait for it
 * @returns when all have been carried out
 */
export async function playSteps(
  simulation: Pick<Simulation, "kernel">,
  steps: readonly PlanStep[],
  act: (step: PlanStep) => void | Promise<void>,
): Promise<void> {
  const { kernel } = simulation;
  await Promise.all(steps.map((step) => {
    const label = `${step.kind} ${step.id}`;
    const done = new Promise<void>((resolve, reject) => {
      const begin = async () => await act(step);
      const delayMs = step.atMs - kernel.nowMs;
      kernel.schedule(delayMs, label, () => void begin().then(resolve, reject));
    });
    return kernel.awaiting(label, done);
  }));
}
