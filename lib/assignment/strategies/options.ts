/**
 * Checks of strategy options.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";

/**
 * Checks a number and fills in its default.
 *
 * @param name the option's name, as the user wrote it
 * @param value the value given, if any
 * @param fallback the default
 * @param min the smallest value allowed
 * @param max the largest value allowed
 * @param whole whether it must be a whole number
 * @returns the value, or the default
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is anything else
 */
export function numberOption(
  name: string,
  value: unknown,
  fallback: number,
  min: number,
  max: number,
  whole: boolean,
): number {
  if (value === undefined) return fallback;
  const fits = typeof value === "number" && value >= min && value <= max &&
    (!whole || Number.isSafeInteger(value));
  if (fits) return value;
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `${name} is ${typeof value === "string" ? JSON.stringify(value) : String(value)}`,
    {
      value,
      hint: `${name} must be a ${
        whole ? "whole " : ""
      }number from ${min} to ${max}; default ${fallback}`,
    },
  );
}
