/**
 * What the program's exit codes mean, and which error leads to which.
 *
 * @module
 */

import { isPartiError } from "../lib/errors.ts";

/** Every exit code of the command-line program. */
export const exitCodes = {
  /** Everything that was promised was seen to hold. */
  pass: 0,
  /** A promise was broken. */
  fail: 1,
  /** It could not be found out. */
  unknown: 2,
  /** The request makes no sense, or its surroundings are missing; nothing was run. */
  badInput: 3,
} as const;

const given = new WeakMap<object, number>();

/**
 * Says which exit code an error leads to, where its own code does not tell: a server that goes away in the middle of a run is no
 * bad input.
 *
 * @param error anything caught
 * @param code the exit code
 * @returns the same error
 */
export function withExitCode(error: unknown, code: number): unknown {
  if (typeof error === "object" && error !== null) given.set(error, code);
  return error;
}

/**
 * The exit code for an error that ended the program.
 *
 * @param error anything caught
 * @returns the one that {@linkcode withExitCode} gave it; else 3 if the person who called can put it right, else 2
 */
export function exitCodeOf(error: unknown): number {
  const code = typeof error === "object" && error !== null ? given.get(error) : undefined;
  if (code !== undefined) return code;
  const isMistake = isPartiError(
    error,
    "PARTI_INVALID_CONFIG",
    "PARTI_INVALID_PARTITION",
    "PARTI_INVALID_FILE",
    "PARTI_SERVER_TOO_OLD",
    "PARTI_NOT_FOUND",
    "PARTI_DISCONNECTED",
    "PARTI_REFUSED",
    "PARTI_STREAM_FULL",
    "PARTI_TOO_LARGE",
  );
  return isMistake ? exitCodes.badInput : exitCodes.unknown;
}
