/**
 * What the schema's values are made of. Every message says what is allowed.
 *
 * @module
 */
import { z } from "zod";
import { DURATION_FORMAT, parseDurationMs, writeDuration } from "./units.ts";

const number = (allowed: string, min: number, max: number) =>
  z.number({ error: allowed }).min(min, { error: allowed }).max(max, { error: allowed });
/** A whole number in a range. */
export const whole = (min: number, max: number) => {
  const allowed = `a whole number from ${min} to ${max}`;
  return number(allowed, min, max).int({ error: allowed });
};
/** A number in a range. */
export const real = (min: number, max: number) =>
  number(`a number from ${min} to ${max}`, min, max);
/** A switch. */
export const flag = () => z.boolean({ error: "true or false" });
/** A text that says something. */
export const text = (allowed: string) => z.string({ error: allowed }).min(1, { error: allowed });
/** One of some words. */
export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `one of ${values.join(", ")}` });

/** A text that is read by `parse`, and written again by `write`; the issue says what is allowed if it cannot be read. */
export function parsed<T>(
  allowed: string,
  parse: (text: string) => T | undefined,
  write: (value: T) => string,
) {
  return z.codec(z.string({ error: allowed }).meta({ description: allowed }), z.custom<T>(), {
    decode: (value, context) => {
      const result = parse(value.trim());
      if (result !== undefined) return result;
      context.issues.push({ code: "custom", message: allowed, input: value });
      return z.NEVER;
    },
    encode: write,
  });
}
/** A duration, in milliseconds. */
export const duration = () => parsed(DURATION_FORMAT, parseDurationMs, writeDuration);
/** A duration that is not nothing, in milliseconds. */
export const positiveDuration = () =>
  parsed(`${DURATION_FORMAT}, longer than 0`, (value) => {
    const ms = parseDurationMs(value);
    return ms !== undefined && ms > 0 ? ms : undefined;
  }, writeDuration);
