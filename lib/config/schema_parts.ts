/**
 * What configuration schemas are built from. Each part carries one text that says what is allowed; `config_problems.ts` puts it
 * into the error, and `z.toJSONSchema` hands the description to editors.
 *
 * @module
 */
import { z } from "zod";
import { DURATION_ALLOWED, LONGEST_DURATION_MS, tryParseDuration } from "./duration.ts";

const DURATION_TEXT = /^(0|(\d+(\.\d+)?(h|ms|m|s|us|µs|μs|ns))+)$/;

/** The schema of a duration: a text with units or a number of milliseconds goes in, milliseconds come out. */
export type DurationSchema = z.ZodPipe<
  z.ZodUnion<readonly [z.ZodString, z.ZodNumber]>,
  z.ZodTransform<number, string | number>
>;

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
  return DURATIONS[zero].describe(description);
}

function makeDuration(zero: "or-zero" | "above-zero"): DurationSchema {
  const error = zero === "or-zero" ? DURATION_ALLOWED : `${DURATION_ALLOWED}, above 0`;
  // The text is on every part, because a union hands on the words of the one branch that came close.
  const string = z.string({ error }).regex(DURATION_TEXT, { error });
  const number = z.number({ error }).max(LONGEST_DURATION_MS, { error });
  return z
    .union([string, zero === "or-zero" ? number.min(0, { error }) : number.gt(0, { error })], {
      error,
    })
    .transform((value, context) => {
      const ms = tryParseDuration(value);
      if (ms !== undefined && (ms > 0 || zero === "or-zero")) return ms;
      context.issues.push({ code: "custom", message: error, input: value });
      return z.NEVER;
    });
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
): z.ZodInt {
  const error = max === Number.MAX_SAFE_INTEGER
    ? `a whole number, at least ${min}`
    : `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error }).describe(description);
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
): z.ZodNumber {
  let schema = z.number({ error: allowed });
  if (limits.above !== undefined) schema = schema.gt(limits.above, { error: allowed });
  if (limits.min !== undefined) schema = schema.min(limits.min, { error: allowed });
  if (limits.max !== undefined) schema = schema.max(limits.max, { error: allowed });
  return schema.describe(description);
}

/**
 * A text of a certain form.
 *
 * @param description what it is for
 * @param allowed the form in words
 * @param pattern the form
 * @returns its schema
 */
export function text(description: string, allowed: string, pattern: RegExp): z.ZodString {
  return z.string({ error: allowed }).regex(pattern, { error: allowed }).describe(description);
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
): z.ZodString {
  return z.string({ error: allowed }).refine(isAllowed, { error: allowed }).describe(description);
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
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(values, { error: values.map((v) => JSON.stringify(v)).join(" or ") })
    .describe(description);
}

/**
 * Yes or no.
 *
 * @param description what it is for
 * @returns its schema
 */
export function flag(description: string): z.ZodBoolean {
  return z.boolean({ error: "true or false" }).describe(description);
}

/**
 * A mapping with known keys only.
 *
 * @param description what it is for
 * @param shape its keys and their schemas
 * @returns its schema
 */
export function section<T extends z.core.$ZodLooseShape>(
  description: string,
  shape: T,
): z.ZodObject<T, z.core.$strict> {
  const error = `a mapping with the keys ${Object.keys(shape).join(", ")}`;
  return z.strictObject(shape, { error }).describe(description);
}
