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

/**
 * The exit code for an error that ended the program.
 *
 * @param error anything caught
 * @returns 3 if the person who called can put it right, else 2
 */
export function exitCodeOf(error: unknown): number {
  const isMistake = isPartiError(
    error,
    "PARTI_INVALID_CONFIG",
    "PARTI_INVALID_PARTITION",
    "PARTI_SERVER_TOO_OLD",
    "PARTI_NOT_FOUND",
    "PARTI_DISCONNECTED",
  );
  return isMistake ? exitCodes.badInput : exitCodes.unknown;
}
