/**
 * Plans as text: saved, loaded, and checked when they come from a file that may be torn or somebody else's.
 *
 * @module
 */
import { z } from "zod";
import { PartiError } from "../../errors.ts";
import { type JsonObject, type JsonValue, orderPlan, type Plan, PLAN_VERSION } from "./plan.ts";

const text = z.string({ error: "a text" }).min(1, { error: "a text that is not empty" });
const jsonValue: z.ZodType<JsonValue> = z.json() as z.ZodType<JsonValue>;
const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), jsonValue, { error: "an object" });
const switches = z.record(z.string(), z.boolean({ error: "true or false" }), {
  error: "an object of true and false",
});
const steps = z.array(
  z.strictObject({
    id: text,
    atMs: z.number({ error: "milliseconds ≥ 0" }).min(0, { error: "milliseconds ≥ 0" }),
    kind: text,
    args: jsonObject,
  }, { error: unknownKeys("an object with id, atMs, kind and args") }),
  { error: "a list of steps" },
);

const planSchema = z.strictObject({
  version: z.literal(PLAN_VERSION, { error: `${PLAN_VERSION}: this version reads no other` }),
  workload: text,
  seed: z.number({ error: "a seed" }).int({ error: "a whole number" }).min(0, { error: "≥ 0" }),
  parameters: jsonObject,
  operations: steps,
  faults: steps,
  buggify: switches,
  swarm: switches,
}, { error: unknownKeys("an object with version, workload, seed and so on") });

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
  const { success, data, error } = planSchema.safeParse(value);
  if (!success) {
    const problems = error.issues.map(({ path, message }) => {
      const where = path.map(String).join(".");
      return where === "" ? `must be ${message}` : `${where} must be ${message}`;
    });
    throw notAPlan(name, problems, error);
  }
  const ids = new Set<string>();
  for (const { id } of [...data.operations, ...data.faults]) {
    if (ids.has(id)) throw notAPlan(name, [`two steps have the id "${id}"`]);
    ids.add(id);
  }
  if (!Number.isSafeInteger(data.seed)) throw notAPlan(name, ["its seed is too great"]);
  return orderPlan(data);
}

/** What must stand there, or which keys must not. */
function unknownKeys(expected: string) {
  return (issue: { code?: string; keys?: unknown }) =>
    issue.code === "unrecognized_keys"
      ? `${expected}, without ${(issue.keys as string[]).slice(0, MAX_PROBLEMS).join(", ")}`
      : expected;
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
