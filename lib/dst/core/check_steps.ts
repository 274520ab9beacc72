/**
 * What a plan for the group may contain: a misspelt fault would otherwise not happen, and nobody would notice.
 *
 * @module
 */
import * as v from "valibot";
import { pathOf, strictObject } from "../../config/schema_objects.ts";
import { PartiError } from "../../errors.ts";
import { TRANSITIONS } from "../../manager/state.ts";
import { NO_FAULTS } from "../nats/faults.ts";
import type { Plan, PlanStep } from "../plan/plan.ts";
import { BUGGIFY_SITES } from "./catalog.ts";
import { FAMILIES } from "./expand.ts";
import { readParameters } from "./parameters.ts";

const whole = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
const ms = v.pipe(v.number(), v.finite(), v.minValue(0));
const node = whole(99);
const target = v.union([node, v.literal("leader")]);
const count = whole(10_000);
const weight = ms;
const chance = v.pipe(ms, v.maxValue(1));
/** See `Moment`. */
const state = v.picklist([...Object.keys(TRANSITIONS), "heir", "loser"]);
const direction = v.picklist(["both", "up", "down"]);

/** Faults of a part of the server: each is a probability, or a duration in milliseconds. */
const part = (off: object) => {
  const entries = Object.keys(off)
    .map((name) => [name, v.optional(name.endsWith("Ms") ? ms : chance)]);
  return v.optional(strictObject(Object.fromEntries(entries)));
};
const faults = strictObject({
  kv: part(NO_FAULTS.kv),
  messaging: part(NO_FAULTS.messaging),
  feed: part(NO_FAULTS.feed),
});

/** The arguments of each kind of step. */
const KINDS: Readonly<Record<string, v.GenericSchema>> = {
  "start": strictObject({ node }),
  "fill": strictObject({ node: v.optional(node) }),
  "stop": strictObject({ node }),
  "stop-when": strictObject({ state, delayMs: ms }),
  "refresh": strictObject({ node }),
  "add": strictObject({ count, weight }),
  "remove": strictObject({ count, weight: v.optional(weight) }),
  "weigh": strictObject({ count, weight }),
  "crash": strictObject({ node: target }),
  "pause": strictObject({ node: target, forMs: ms }),
  "cut": strictObject({
    node: target,
    when: v.optional(v.picklist(["now", "message", "acks"])),
    again: v.optional(count),
    afterMs: v.optional(ms),
  }),
  "block": strictObject({ node: target, direction: v.optional(direction), forMs: ms }),
  "clock": strictObject({
    node: target,
    rate: v.pipe(v.number(), v.finite(), v.gtValue(0)),
    wallOffsetMs: v.pipe(v.number(), v.finite()),
  }),
  "split": strictObject({ nodes: v.pipe(v.array(node), v.maxLength(100)), forMs: ms }),
  "server-crash": strictObject({ forMs: ms }),
  "server-pause": strictObject({ forMs: ms }),
  "nats-faults": strictObject({ forMs: ms, faults }),
  "doubt": strictObject({ node: target, forMs: ms }),
  "deaf": strictObject({ node: target, forMs: ms }),
  "mute": strictObject({ node: target, late: ms, forMs: ms }),
  "source": strictObject({ mood: v.picklist(["fails", "empty", "hangs"]), forMs: ms }),
  "heir": strictObject({ delayMs: ms, forMs: ms }),
  "ambush": strictObject({
    state,
    delayMs: ms,
    act: v.picklist(["crash", "pause", "cut", "block", "doubt", "deaf"]),
    direction: v.optional(direction),
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
  const { issues } = v.safeParse(schema, args, { abortPipeEarly: true });
  if (issues === undefined) return;
  const problems = issues.map((issue) =>
    issue.path === undefined ? issue.message : `${pathOf(issue).join(".")}: ${issue.message}`
  );
  throw new PartiError("PARTI_INVALID_CONFIG", `step ${id} (${kind}): ${problems.join("; ")}`, {
    value: args,
  });
}
