/**
 * Simpler plans to try when a failing one is shrunk.
 *
 * @module
 */
import type { JsonObject, Plan } from "../plan/plan.ts";
import type { Simplification } from "../workload.ts";
import type { StrikingFaults } from "../nats/faults.ts";
import { type CoreParameters, readParameters } from "./parameters.ts";

/** What is as simple as it can be, with what to call it. */
const SIMPLEST: readonly [string, Partial<CoreParameters>][] = [
  ["true clocks", { drift: 0 }],
  ["no slow messages", { slowChance: 0 }],
  ["acks taken at once", { ackLateMs: 0 }],
  ["a quick network", { latencyMaxMs: 0.5 }],
  ["an even network", { latencyShape: "uniform" }],
  ["one producer", { producers: 1 }],
  ["nothing twice", { repeats: 0 }],
  ["one strategy", { mixedStrategies: false }],
  ["quick handlers", { workMinMs: 0, workMaxMs: 0 }],
  ["few messages", { ratePerSecond: 5 }],
  ["a new server", { version: "2.15.1" }],
  ["short names", { nameLength: 0 }],
  ["quick starts", { bootMaxMs: 0 }],
  ["the election of parti", { electionMaxMs: 0 }],
  ["a quick source", { sourceMaxMs: 0 }],
];

/**
 * Offers simpler plans: an easier world, fewer partitions, less load, less of a configuration.
 *
 * @param plan a failing plan
 * @returns simpler ones, most promising first
 */
export function* simplifyCore(plan: Plan): Iterable<Simplification> {
  const now = readParameters(plan.parameters);
  const simpler = (what: string, change: Partial<CoreParameters>): Simplification => ({
    what,
    plan: { ...plan, parameters: { ...now, ...change } as CoreParameters & JsonObject },
  });
  const lastMs = Math.max(0, ...[...plan.operations, ...plan.faults].map(({ atMs }) => atMs));
  const loadMs = Math.max(1_000, Math.ceil(lastMs / 1_000) * 1_000 + 2_000);
  if (loadMs < now.loadMs) yield simpler("a shorter load", { loadMs });
  if (now.partitions > 2) {
    yield simpler("few partitions", { partitions: 2 });
    yield simpler("half the partitions", { partitions: Math.ceil(now.partitions / 2) });
  }
  if (now.ids < now.maxWorkers) yield simpler("an ID for everybody", { ids: now.maxWorkers * 3 });
  for (const [what, change] of SIMPLEST) {
    if (!isAlready(now, change)) yield simpler(what, change);
  }
  for (const [key, value] of Object.entries(now.handlers)) {
    if (value === 0 || value === false || key === "lingerMs") continue;
    const none = typeof value === "boolean" ? false : 0;
    yield simpler(`handlers without ${key}`, { handlers: { ...now.handlers, [key]: none } });
  }
  for (const key of Object.keys(now.config)) {
    const { [key]: _, ...config } = now.config;
    yield simpler(`${key} as the preset has it`, { config });
  }
  yield* withFewerFaults(plan);
}

/** What is lost, late or stale on the way to the server and back: one thing less. */
function* withFewerFaults(plan: Plan): Iterable<Simplification> {
  for (const step of plan.faults) {
    if (step.kind !== "nats-faults") continue;
    const faults = step.args["faults"] as StrikingFaults;
    for (const part of Object.keys(faults) as (keyof StrikingFaults)[]) {
      for (const name of Object.keys(faults[part] ?? {})) {
        if (name.endsWith("Ms")) continue;
        const { [name]: _, ...rest } = faults[part]!;
        const args = { ...step.args, faults: { ...faults, [part]: rest } };
        yield {
          what: `${step.id} without ${part}.${name}`,
          plan: {
            ...plan,
            faults: plan.faults.map((other) => other === step ? { ...step, args } : other),
          },
        };
      }
    }
  }
}

function isAlready(now: CoreParameters, change: Partial<CoreParameters>): boolean {
  return Object.entries(change).every(([key, value]) => now[key as keyof CoreParameters] === value);
}
