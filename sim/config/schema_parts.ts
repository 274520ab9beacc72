/**
 * What the schema's values are made of. Every message says what is allowed.
 *
 * @module
 */
import * as v from "valibot";
import { DURATION_FORMAT, parseDurationMs, writeDuration } from "./units.ts";

const number = (allowed: string, min: number, max: number) =>
  v.pipe(v.number(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
/** A whole number in a range. */
export const whole = (min: number, max: number) => {
  const allowed = `a whole number from ${min} to ${max}`;
  return v.pipe(number(allowed, min, max), v.integer(allowed));
};
/** A number in a range. */
export const real = (min: number, max: number) =>
  number(`a number from ${min} to ${max}`, min, max);
/** A switch. */
export const flag = () => v.boolean("true or false");
/** A text that says something. */
export const text = (allowed: string) => v.pipe(v.string(allowed), v.minLength(1, allowed));
/** One of some words. */
export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  v.picklist(values, `one of ${values.join(", ")}`);

/** A text that is read by `parse`, and written again by `write`; the issue says what is allowed if it cannot be read. */
export function parsed<T>(
  allowed: string,
  parse: (text: string) => T | undefined,
  write: (value: T) => string,
) {
  return v.pipe(
    v.string(allowed),
    v.description(allowed),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const result = parse(dataset.value.trim());
      if (result !== undefined) return result;
      addIssue({ message: allowed });
      return NEVER;
    }),
    v.metadata({ write }),
  );
}
/** A duration, in milliseconds. */
export const duration = () => parsed(DURATION_FORMAT, parseDurationMs, writeDuration);
/** A duration that is not nothing, in milliseconds. */
export const positiveDuration = () =>
  parsed(`${DURATION_FORMAT}, longer than 0`, (value) => {
    const ms = parseDurationMs(value);
    return ms !== undefined && ms > 0 ? ms : undefined;
  }, writeDuration);

/** What is looked at of a schema to write its values. */
interface Written {
  readonly wrapped?: v.GenericSchema;
  readonly item?: v.GenericSchema;
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
}

/**
 * Writes a value in the way it is read.
 *
 * @param schema what it was read with
 * @param value what came of it
 * @returns what the schema makes the same of
 */
export function writeAs(schema: v.GenericSchema, value: unknown): unknown {
  const { wrapped, item, entries } = schema as Written;
  if (value === undefined) return undefined;
  if (wrapped !== undefined) return writeAs(wrapped, value);
  const by = v.getMetadata(schema)["write"] as ((value: unknown) => unknown) | undefined;
  if (by !== undefined) return by(value);
  if (item !== undefined) return (value as unknown[]).map((each) => writeAs(item, each));
  if (entries === undefined) return value;
  return Object.fromEntries(
    Object.entries(value as object).map(([key, child]) => [key, writeAs(entries[key]!, child)]),
  );
}
