/**
 * Objects in schemas. Valibot's own take a list for an object, tell only the first unknown key, have words of their own for a key
 * that is missing, and leave out what is under a name such as `constructor`.
 *
 * @module
 */
import * as v from "valibot";

type Issue = v.BaseIssue<unknown>;
type Config = v.Config<Issue>;
type Dataset = v.OutputDataset<unknown, Issue>;
type Input = Readonly<Record<string, unknown>>;

/** What is made of an input, and what is wrong with it. */
interface Result {
  typed: boolean;
  value: unknown;
  issues?: [Issue, ...Issue[]];
}

/**
 * An object with known keys only.
 *
 * @param entries its keys and their schemas
 * @param message what is allowed, where it is no object or has another key
 * @returns its schema: it finds everything that is wrong, first in the order of `entries`, then each unknown key
 */
export function strictObject<const E extends v.ObjectEntries>(
  entries: E,
  message?: string,
): v.StrictObjectSchema<E, string | undefined> {
  const schema = v.strictObject(entries, message);
  return withLook(schema, (input, result, config) => {
    const value: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(entries)) {
      const made = runEntry(entry, input, key, result, config);
      if (key in input || made !== undefined) value[key] = made;
    }
    for (const key in input) {
      if (Object.hasOwn(entries, key)) continue;
      v._addIssue(schema, "key", result as Dataset, config, {
        ...{ input: input[key], expected: "never", message: message ?? "unknown key" },
        path: [pathItem(input, key)],
      });
    }
    return value;
  });
}

/**
 * An object with any keys.
 *
 * @param value what each of them may hold
 * @param message what is allowed, where it is no object
 * @returns its schema
 */
export function mapping<const S extends v.GenericSchema>(
  value: S,
  message?: string,
): v.RecordSchema<v.StringSchema<undefined>, S, string | undefined> {
  return withLook(v.record(v.string(), value, message), (input, result, config) => {
    // A Map or a Date has no keys, and would be taken for an empty mapping.
    const { constructor } = input;
    if (typeof constructor === "function" && constructor !== Object) return undefined;
    const made: Record<string, unknown> = {};
    for (const key of Object.keys(input)) {
      if (key !== "__proto__") made[key] = runEntry(value, input, key, result, config);
    }
    return made;
  });
}

/**
 * Whether an issue is about a key that a {@linkcode strictObject} does not know; its path ends with that key.
 *
 * @param issue the issue
 * @returns whether it is
 */
export function isUnknownKey({ type, expected }: Issue): boolean {
  return type === "strict_object" && expected === "never";
}

/**
 * Where an issue is.
 *
 * @param issue the issue
 * @returns the names and numbers on the way to it
 */
export function pathOf({ path = [] as never }: Issue): (string | number)[] {
  return path.map(({ key }) => typeof key === "number" ? key : String(key));
}

/** Has a schema look into objects in another way: `look` makes the value, or undefined of what it does not take for one. */
function withLook<S extends v.GenericSchema & { readonly message: string | undefined }>(
  schema: S,
  look: (input: Input, result: Result, config: Config) => object | undefined,
): S {
  const run = ({ value: input }: v.UnknownDataset, config: Config): Result => {
    const result: Result = { typed: true, value: input };
    const value = typeof input === "object" && input !== null && !Array.isArray(input)
      ? look(input as Input, result, config)
      : undefined;
    if (value === undefined) v._addIssue(schema, "type", result as Dataset, config);
    else result.value = value;
    return result;
  };
  return Object.assign(schema, { "~run": run });
}

/** Runs the schema of one key. What is wrong there goes into the result, with the key in front of its path. */
function runEntry(
  schema: v.GenericSchema,
  input: Input,
  key: string,
  result: Result,
  config: Config,
): unknown {
  const { typed, value, issues } = schema["~run"]({ value: input[key] }, config);
  for (const issue of issues ?? []) {
    const placed: Issue = { ...issue, path: [pathItem(input, key), ...issue.path ?? []] };
    if (result.issues === undefined) result.issues = [placed];
    else result.issues.push(placed);
  }
  if (!typed) result.typed = false;
  return value;
}

function pathItem(input: Input, key: string): v.ObjectPathItem {
  return { type: "object", origin: "value", input, key, value: input[key] };
}
