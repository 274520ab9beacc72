/**
 * What configuration schemas are built from. Each part carries one text that says what is allowed; `config_problems.ts` puts it
 * into the error, and editors are handed the description.
 *
 * @module
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { DURATION_ALLOWED, LONGEST_DURATION_MS, tryParseDuration } from "./duration.ts";
import { strictObject } from "./schema_objects.ts";

const DURATION_TEXT = /^(0|(\d+(\.\d+)?(h|ms|m|s|us|µs|μs|ns))+)$/;

/** The schema of a duration: a text with units or a number of milliseconds goes in, milliseconds come out. */
export type DurationSchema = v.GenericSchema<string | number, number>;

/** The schema of a mapping with known keys only. */
export type Section<T extends v.ObjectEntries> = v.StrictObjectSchema<T, string | undefined>;

/** All that two durations have in common is made once: a schema takes kilobytes, and a configuration has thirty durations. */
const DURATIONS = { "or-zero": makeDuration("or-zero"), "above-zero": makeDuration("above-zero") };

/**
 * A duration.
 *
 * @param description what it is for
 * @param zero whether 0 is allowed
 * @returns its schema; what comes out is in milliseconds
 */
export function duration(description: string, zero: "or-zero" | "above-zero"): DurationSchema {
  const { written, inMs } = DURATIONS[zero];
  // Of what editors are told, nothing that stands behind a transformation is a part.
  return v.pipe(written, v.description(description), inMs);
}

function makeDuration(zero: "or-zero" | "above-zero") {
  const allowed = zero === "or-zero" ? DURATION_ALLOWED : `${DURATION_ALLOWED}, above 0`;
  // The text is on every part, because a union hands on the words of the one branch that came close.
  const string = v.pipe(v.string(allowed), v.regex(DURATION_TEXT, allowed));
  const number = v.pipe(
    v.number(allowed),
    zero === "or-zero" ? v.minValue(0, allowed) : v.gtValue(0, allowed),
    v.maxValue(LONGEST_DURATION_MS, allowed),
  );
  const inMs = v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
    const ms = tryParseDuration(dataset.value);
    if (ms !== undefined && (ms > 0 || zero === "or-zero")) return ms;
    addIssue({ message: allowed });
    return NEVER;
  });
  return { written: v.union([string, number], allowed), inMs };
}

/**
 * A whole number.
 *
 * @param description what it is for
 * @param min the least one allowed
 * @param max the greatest one allowed
 * @returns its schema
 */
export function whole(
  description: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): v.GenericSchema<number> {
  const allowed = max === Number.MAX_SAFE_INTEGER
    ? `a whole number, at least ${min}`
    : `a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
    v.description(description),
  );
}

/**
 * A number in a range.
 *
 * @param description what it is for
 * @param allowed the range in words
 * @param limits the range; `above` is exclusive
 * @returns its schema
 */
export function real(
  description: string,
  allowed: string,
  limits: { readonly above?: number; readonly min?: number; readonly max?: number },
): v.GenericSchema<number> {
  const { above, min, max } = limits;
  let schema: v.GenericSchema<number> = v.pipe(v.number(allowed), v.finite(allowed));
  if (above !== undefined) schema = v.pipe(schema, v.gtValue(above, allowed));
  if (min !== undefined) schema = v.pipe(schema, v.minValue(min, allowed));
  if (max !== undefined) schema = v.pipe(schema, v.maxValue(max, allowed));
  return v.pipe(schema, v.description(description));
}

/**
 * A text of a certain form.
 *
 * @param description what it is for
 * @param allowed the form in words
 * @param pattern the form
 * @returns its schema
 */
export function text(
  description: string,
  allowed: string,
  pattern: RegExp,
): v.GenericSchema<string> {
  return v.pipe(v.string(allowed), v.regex(pattern, allowed), v.description(description));
}

/**
 * A text that a function judges. Editors cannot check it: use {@linkcode text} where a pattern will do.
 *
 * @param description what it is for
 * @param allowed the form in words
 * @param isAllowed tells whether a text has that form
 * @returns its schema
 */
export function textThat(
  description: string,
  allowed: string,
  isAllowed: (value: string) => boolean,
): v.GenericSchema<string> {
  return v.pipe(v.string(allowed), v.check(isAllowed, allowed), v.description(description));
}

/**
 * One of a few texts.
 *
 * @param description what it is for
 * @param values the texts
 * @returns its schema
 */
export function choice<const T extends readonly [string, ...string[]]>(
  description: string,
  values: T,
): v.GenericSchema<T[number]> {
  const allowed = values.map((value) => JSON.stringify(value)).join(" or ");
  return v.pipe(v.picklist(values, allowed), v.description(description));
}

/**
 * Yes or no.
 *
 * @param description what it is for
 * @returns its schema
 */
export function flag(description: string): v.GenericSchema<boolean> {
  return v.pipe(v.boolean("true or false"), v.description(description));
}

/**
 * A mapping with known keys only.
 *
 * @param description what it is for
 * @param entries its keys and their schemas
 * @returns its schema
 */
export function section<const T extends v.ObjectEntries>(
  description: string,
  entries: T,
): Section<T> {
  const allowed = `a mapping with the keys ${Object.keys(entries).join(", ")}`;
  return v.pipe(strictObject(entries, allowed), v.description(description));
}

/**
 * What editors are told of a schema: what may be written, as far as JSON Schema can tell.
 *
 * @param schema the schema
 * @returns a fresh JSON Schema (draft 2020-12)
 */
export function jsonSchemaOf(schema: v.GenericSchema): Record<string, unknown> {
  // What a function judges has no words in JSON Schema.
  return {
    ...toJsonSchema(schema, { typeMode: "input", errorMode: "ignore", target: "draft-2020-12" }),
  };
}
