/**
 * What a plan for the group may contain: a misspelt fault would otherwise not happen, and nobody would notice.
 *
 * @module
 */
import { z } from "zod";
import { PartiError } from "../../errors.ts";
import { TRANSITIONS } from "../../manager/state.ts";
import { NO_FAULTS } from "../nats/faults.ts";
import type { Plan, PlanStep } from "../plan/plan.ts";
import { BUGGIFY_SITES } from "./catalog.ts";
import { FAMILIES } from "./expand.ts";
import { readParameters } from "./parameters.ts";

const node = z.int().min(0).max(99);
const target = z.union([node, z.literal("leader")]);
const ms = z.number().min(0);
const count = z.int().min(0).max(10_000);
const weight = z.number().min(0);
/** See `Moment`. */
const state = z.enum([...Object.keys(TRANSITIONS), "heir", "loser"]);
const direction = z.enum(["both", "up", "down"]);

/** Faults of a part of the server: each is a probability, or a duration in milliseconds. */
const part = (off: object) =>
  z.strictObject(Object.fromEntries(
    Object.keys(off).map((
      name,
    ) => [name, (name.endsWith("Ms") ? ms : z.number().min(0).max(1)).optional()]),
  )).optional();
const faults = z.strictObject({
  kv: part(NO_FAULTS.kv),
  messaging: part(NO_FAULTS.messaging),
  feed: part(NO_FAULTS.feed),
});

/** The arguments of each kind of step. */
const KINDS: Readonly<Record<string, z.ZodType>> = {
  "start": z.strictObject({ node }),
  "fill": z.strictObject({ node: node.optional() }),
  "stop": z.strictObject({ node }),
  "stop-when": z.strictObject({ state, delayMs: ms }),
  "refresh": z.strictObject({ node }),
  "add": z.strictObject({ count, weight }),
  "remove": z.strictObject({ count, weight: weight.optional() }),
  "weigh": z.strictObject({ count, weight }),
  "crash": z.strictObject({ node: target }),
  "pause": z.strictObject({ node: target, forMs: ms }),
  "cut": z.strictObject({
    node: target,
    when: z.enum(["now", "message", "acks"]).optional(),
    again: count.optional(),
    afterMs: ms.optional(),
  }),
  "block": z.strictObject({ node: target, direction: direction.optional(), forMs: ms }),
  "clock": z.strictObject({ node: target, rate: z.number().positive(), wallOffsetMs: z.number() }),
  "split": z.strictObject({ nodes: z.array(node).max(100), forMs: ms }),
  "server-crash": z.strictObject({ forMs: ms }),
  "server-pause": z.strictObject({ forMs: ms }),
  "nats-faults": z.strictObject({ forMs: ms, faults }),
  "doubt": z.strictObject({ node: target, forMs: ms }),
  "deaf": z.strictObject({ node: target, forMs: ms }),
  "mute": z.strictObject({ node: target, late: z.number().min(0), forMs: ms }),
  "source": z.strictObject({ mood: z.enum(["fails", "empty", "hangs"]), forMs: ms }),
  "heir": z.strictObject({ delayMs: ms, forMs: ms }),
  "ambush": z.strictObject({
    state,
    delayMs: ms,
    act: z.enum(["crash", "pause", "cut", "block", "doubt", "deaf"]),
    direction: direction.optional(),
    forMs: ms,
  }),
};

/**
 * Checks parameters and steps.
 *
 * @param plan the plan
 * @throws {PartiError} `PARTI_INVALID_CONFIG` with what is wrong in the first step that is, or the first name that is unknown
 */
export function checkCorePlan(plan: Plan): void {
  readParameters(plan.parameters);
  for (const step of [...plan.operations, ...plan.faults]) checkStep(step);
  checkNames("buggify site", plan.buggify, BUGGIFY_SITES);
  checkNames("family", plan.swarm, FAMILIES);
}

function checkNames(what: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new PartiError("PARTI_INVALID_CONFIG", `there is no ${what} "${unknown}"`, {
    value: unknown,
    hint: `there are: ${known.join(", ")}`,
  });
}

function checkStep({ id, kind, args }: PlanStep): void {
  const schema = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (schema === undefined) {
    throw new PartiError("PARTI_INVALID_CONFIG", `step ${id}: there is no kind "${kind}"`, {
      value: kind,
      hint: `kinds are ${Object.keys(KINDS).join(", ")}`,
    });
  }
  const { error } = schema.safeParse(args);
  if (error === undefined) return;
  const problems = error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`
  );
  throw new PartiError("PARTI_INVALID_CONFIG", `step ${id} (${kind}): ${problems.join("; ")}`, {
    value: args,
  });
}
