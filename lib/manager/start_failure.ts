/**
 * What the application is told when a worker could not start.
 *
 * @module
 */
import { describeError, isPartiError, PartiError } from "../errors.ts";
import type { ManagerState } from "./state.ts";

/** How a start stood when it failed. */
export interface FailedStart {
  /** The state it had come to. */
  readonly state: ManagerState;
  /** Whether it was given up, for whatever reason. */
  readonly aborted: boolean;
  /** Whether it was given up because its time was over. */
  readonly timedOut: boolean;
  /** How much time it had, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** The last error that was told while it tried; undefined if there was none. */
  readonly lastError: unknown;
  /** Why joining failed, as far as is known after the worker was shut down. */
  readonly joinFailure: unknown;
}

/**
 * The connection was closed, by the application or since the client has given it up.
 *
 * @param cause what failed by that, if it did
 * @returns the error to tell
 */
export function closedForGood(cause?: unknown): PartiError {
  return new PartiError("PARTI_DISCONNECTED", "the connection was closed for good", {
    hint: "stop this worker; a new one needs a new connection",
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Finds the error that says most: a start that ran out of time failed for another reason than time.
 *
 * @param error what the start ended with
 * @param found how it stood then
 * @returns what to throw: `PARTI_ABORTED` if it was given up, `PARTI_NO_FREE_ID` or `PARTI_STARTUP_TIMEOUT` if its time was over, else
 * `error` itself
 */
export function startFailure(error: unknown, found: FailedStart): unknown {
  if (!found.aborted) return error;
  if (!found.timedOut) {
    return new PartiError("PARTI_ABORTED", `start was given up while ${found.state}`, {
      cause: error,
    });
  }
  const { joinFailure, startupTimeoutMs } = found;
  if (isPartiError(joinFailure, "PARTI_NO_FREE_ID")) return joinFailure;
  const known = knownReason(found);
  const why = known === undefined ? "" : `; the last error was ${describeError(known)}`;
  const hint = isPartiError(known) ? known.hint : undefined;
  return new PartiError(
    "PARTI_STARTUP_TIMEOUT",
    `not in the group within ${startupTimeoutMs} ms; the last state was ${found.state}${why}`,
    {
      cause: known ?? joinFailure ?? error,
      value: startupTimeoutMs,
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

/** That joining was given up says nothing: it was because the time was over. */
function knownReason({ joinFailure, lastError }: FailedStart): unknown {
  return joinFailure === undefined || isPartiError(joinFailure, "PARTI_ABORTED")
    ? lastError
    : joinFailure;
}
