/**
 * A plan: everything that a seed decides before a run, spelled out, so that it can be read, saved, changed and made smaller. What a run
 * draws while it goes on follows from the plan's seed, by keys that do not depend on the other steps.
 *
 * @module
 */

/** What a JSON text can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** An object in a JSON text. */
export type JsonObject = { readonly [key: string]: JsonValue };

/** One operation, or one fault. */
export interface PlanStep {
  /** Its name, unique in the plan. Draws for the step are keyed by it: leaving out another step changes nothing here. */
  readonly id: string;
  /** When it begins, in virtual milliseconds since the run began. */
  readonly atMs: number;
  /** What it is, in the workload's words. */
  readonly kind: string;
  /** What it is done with. */
  readonly args: JsonObject;
}

/** The version of the format. */
export const PLAN_VERSION = 1;

/** What a workload makes of a seed. */
export interface PlanBody {
  /** Configuration and topology, in the workload's words. */
  readonly parameters: JsonObject;
  /** What is done. */
  readonly operations: readonly PlanStep[];
  /** What goes wrong. */
  readonly faults: readonly PlanStep[];
  /** Buggify sites that are on or off; whether another is active is drawn when it is met. */
  readonly buggify: Readonly<Record<string, boolean>>;
  /** Fault families that are on or off. With a family named `buggify` off, so are all sites that `buggify` does not name. */
  readonly swarm: Readonly<Record<string, boolean>>;
}

/** A plan. */
export interface Plan extends PlanBody {
  /** The version of the format. */
  readonly version: typeof PLAN_VERSION;
  /** The workload whose plan it is. */
  readonly workload: string;
  /** The seed from which it came, and from which a run draws. */
  readonly seed: number;
}

/**
 * Puts steps into the order in which they happen.
 *
 * @param steps in any order
 * @returns by time, then by id
 */
export function inOrder(steps: readonly PlanStep[]): PlanStep[] {
  return [...steps].sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/**
 * Puts the steps of a plan into order. Ties between steps of one instant are drawn in the order of the list, so a plan means one thing
 * only if its lists have one order.
 *
 * @param plan a plan
 * @returns the same plan, its steps by time, then by id
 */
export function orderPlan(plan: Plan): Plan {
  return { ...plan, operations: inOrder(plan.operations), faults: inOrder(plan.faults) };
}

/**
 * A plan for people: its head, then one line per step.
 *
 * @param plan the plan
 * @returns the lines
 */
export function describePlan(plan: Plan): string[] {
  const { operations, faults } = plan;
  return [
    `plan for ${plan.workload}, seed ${plan.seed}: ${operations.length} operations, ${faults.length} faults`,
    `parameters  ${JSON.stringify(plan.parameters)}`,
    `families    ${switches(plan.swarm)}`,
    `buggify     ${switches(plan.buggify)}`,
    ...describeSteps(operations, faults),
  ];
}

function describeSteps(operations: readonly PlanStep[], faults: readonly PlanStep[]): string[] {
  const isFault = new Set(faults);
  const steps = inOrder([...operations, ...faults]);
  const width = Math.max(0, ...steps.map(({ id }) => id.length));
  return steps.map((step) => {
    const time = `${step.atMs.toFixed(3).padStart(14)} ms`;
    const what = isFault.has(step) ? "fault    " : "operation";
    const args = Object.keys(step.args).length === 0 ? "" : ` ${JSON.stringify(step.args)}`;
    return `${time}  ${what}  ${step.id.padEnd(width)}  ${step.kind}${args}`;
  });
}

function switches(map: Readonly<Record<string, boolean>>): string {
  const names = Object.keys(map).sort();
  if (names.length === 0) return "none named";
  return names.map((name) => `${name} ${map[name] ? "on" : "off"}`).join(", ");
}
