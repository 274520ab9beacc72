/**
 * Asking for a process that may end at any moment.
 *
 * @module
 */
import { describeError } from "../lib/errors.ts";

/**
 * Asks the system for something of a process, or sends it a signal.
 *
 * @param ask does so; may fail because the process has ended, before or in the middle of a file of `/proc`
 * @param gone what is said then, and where the system has no such file
 * @returns the answer
 */
export function orIfGone<T>(ask: () => T, gone: T): T {
  try {
    return ask();
  } catch (error) {
    // What fails in the middle of a file has neither a class nor a code of its own.
    const isGone = error instanceof Deno.errors.NotFound ||
      describeError(error).includes("No such process");
    if (isGone) return gone;
    throw error;
  }
}
