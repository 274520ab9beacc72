/**
 * Plans as text: saved, loaded, and checked when they come from a file that may be torn or somebody else's.
 *
 * @module
 */
import * as v from "valibot";
import { isUnknownKey, mapping, pathOf, strictObject } from "../../config/schema_objects.ts";
import { PartiError } from "../../errors.ts";
import { type JsonObject, type JsonValue, orderPlan, type Plan, PLAN_VERSION } from "./plan.ts";

const text = v.pipe(v.string("a text"), v.minLength(1, "a text that is not empty"));
const jsonObject: v.GenericSchema<JsonObject> = mapping(
  v.custom<JsonValue>(isJson, "JSON"),
  "an object",
);
const switches = mapping(v.boolean("true or false"), "an object of true and false");
const steps = v.array(
  strictObject({
    id: text,
    atMs: v.pipe(
      v.number("milliseconds ≥ 0"),
      v.finite("milliseconds ≥ 0"),
      v.minValue(0, "milliseconds ≥ 0"),
    ),
    kind: text,
    args: jsonObject,
  }, "an object with id, atMs, kind and args"),
  "a list of steps",
);

const planSchema = strictObject({
  version: v.literal(PLAN_VERSION, `${PLAN_VERSION}: this version reads no other`),
  workload: text,
  seed: v.pipe(v.number("a seed"), v.safeInteger("a whole number"), v.minValue(0, "≥ 0")),
  parameters: jsonObject,
  operations: steps,
  faults: steps,
  buggify: switches,
  swarm: switches,
}, "an object with version, workload, seed and so on");

const MAX_PROBLEMS = 5;

/**
 * Writes a plan.
 *
 * @param plan the plan
 * @returns JSON with one step per line, ending in a line feed
 */
export function formatPlan(plan: Plan): string {
  const { version, workload, seed, parameters, operations, faults, buggify, swarm } = plan;
  const list = (of: Plan["operations"]) =>
    of.length === 0
      ? "[]"
      : `[\n${of.map((step) => `    ${JSON.stringify(step)}`).join(",\n")}\n  ]`;
  const fields = [
    `"version": ${version}`,
    `"workload": ${JSON.stringify(workload)}`,
    `"seed": ${seed}`,
    `"parameters": ${JSON.stringify(parameters)}`,
    `"swarm": ${JSON.stringify(swarm)}`,
    `"buggify": ${JSON.stringify(buggify)}`,
    `"operations": ${list(operations)}`,
    `"faults": ${list(faults)}`,
  ];
  return `{\n${fields.map((field) => `  ${field}`).join(",\n")}\n}\n`;
}

/**
 * Reads a plan.
 *
 * @param source the JSON
 * @param name what to call it in errors, such as the file's path
 * @returns the plan, its steps in order
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is torn, or not a plan
 */
export function parsePlan(source: string, name: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (cause) {
    const isTorn = source.trimStart().startsWith("{") && !source.trimEnd().endsWith("}");
    const why = isTorn ? "it ends in the middle" : "it is not JSON";
    throw notAPlan(name, [source.trim() === "" ? "it is empty" : why], cause);
  }
  return checkPlan(value, name);
}

/**
 * Checks what should be a plan.
 *
 * @param value anything
 * @param name what to call it in errors
 * @returns the plan, its steps in order
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is not a plan
 */
export function checkPlan(value: unknown, name: string): Plan {
  const { success, output, issues } = v.safeParse(planSchema, value, { abortPipeEarly: true });
  if (!success) throw notAPlan(name, describeIssues(issues), new v.ValiError(issues));
  const ids = new Set<string>();
  for (const { id } of [...output.operations, ...output.faults]) {
    if (ids.has(id)) throw notAPlan(name, [`two steps have the id "${id}"`]);
    ids.add(id);
  }
  return orderPlan(output);
}

/** What must stand where. The keys that an object must not have are told together. */
function describeIssues(issues: readonly v.BaseIssue<unknown>[]): string[] {
  const found: { where: string; message: string; without: string[] }[] = [];
  for (const issue of issues) {
    const path = pathOf(issue);
    const without = isUnknownKey(issue) ? path.splice(-1).map(String) : [];
    const where = path.join(".");
    const last = found.at(-1);
    if (without.length > 0 && last?.where === where) last.without.push(...without);
    else found.push({ where, message: issue.message, without });
  }
  return found.map(({ where, message, without }) => {
    const keys = without.slice(0, MAX_PROBLEMS).join(", ");
    return `${where} must be ${message}${keys === "" ? "" : `, without ${keys}`}`.trimStart();
  });
}

function isJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (Array.isArray(value)) return value.every(isJson);
  if (typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === null || prototype === Object.prototype) &&
    Object.values(value).every(isJson);
}

function notAPlan(name: string, problems: readonly string[], cause?: unknown): PartiError {
  const shown = problems.slice(0, MAX_PROBLEMS);
  if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
  return new PartiError("PARTI_INVALID_CONFIG", `${name} is not a plan: ${shown.join("; ")}`, {
    value: name,
    hint: "plans are written by `deno task dst --out <folder>`",
    ...(cause === undefined ? {} : { cause }),
  });
}
