/**
 * One error class for the whole library: a stable code to branch on, the offending value, and what to do about it.
 *
 * @module
 */

/** Every code a {@linkcode PartiError} can carry. Codes are stable across versions; messages are not. */
export type PartiErrorCode =
  // What the world answers.
  | "PARTI_CONFLICT" // a compare-and-set lost: somebody else wrote first
  | "PARTI_TIMEOUT" // no answer in time: the outcome is unknown
  | "PARTI_NO_RESPONDERS" // the server says nobody serves that subject
  | "PARTI_DISCONNECTED" // the connection is down or closed
  | "PARTI_NOT_FOUND" // stream, bucket, consumer or key does not exist
  | "PARTI_FILTER_OVERLAP" // another consumer of a WorkQueue stream holds one of the subjects (server error 10100)
  | "PARTI_TOO_LARGE" // a message, or its headers, larger than the server or the stream takes
  | "PARTI_LIMIT_EXCEEDED" // it asks for more than the stream, the account or the server allows
  | "PARTI_UNAVAILABLE" // the server cannot do it now: it has too much to do, or no storage left
  | "PARTI_STREAM_FULL" // the stream, or the bucket, has as much as it may have: nothing was stored
  | "PARTI_REFUSED" // the server refused for another reason
  | "PARTI_SERVER_TOO_OLD"
  // What the caller got wrong.
  | "PARTI_INVALID_CONFIG"
  | "PARTI_INVALID_PARTITION"
  | "PARTI_INVALID_ASSIGNMENT"
  | "PARTI_INVALID_FILE" // a file that was to be read is torn, or something else than it should be
  | "PARTI_ALREADY_STARTED"
  | "PARTI_NOT_STARTED"
  | "PARTI_STOPPED"
  // What happened to the worker.
  | "PARTI_NO_FREE_ID" // every stable ID between min and max is held by a live worker
  | "PARTI_LEASE_LOST"
  | "PARTI_NOT_LEADER"
  | "PARTI_STALE_EPOCH"
  | "PARTI_FENCED" // a write guarded by a token was refused: somebody newer owns the partition
  | "PARTI_HANDLER_FAILED"
  | "PARTI_POISON" // a message failed too often: it went to the dead letters, or its partition is stopped
  | "PARTI_METRICS_FAILED" // the metrics collector threw
  | "PARTI_HOOK_STALLED" // a hook did not return for so long that the errors of that time are told as one
  | "PARTI_SOURCE_FAILED"
  | "PARTI_STARTUP_TIMEOUT"
  | "PARTI_SHUTDOWN_TIMEOUT"
  // What became of a call on the bus.
  | "PARTI_NOT_SENT" // it never left: nobody has handled it
  | "PARTI_MAYBE_DELIVERED" // it left, and connection or receiver went before the answer came: nobody knows whether it was handled
  | "PARTI_CALL_FAILED" // it was handled, and the handler threw
  | "PARTI_OVERLOADED" // as much waits as may wait: it was not sent on, nobody has handled it
  | "PARTI_NO_HANDLER" // where it went nobody handles such a thing
  | "PARTI_NOT_BEGUN" // an actor by partition could not begin: the feed gives it the call again, which this is no failure of
  | "PARTI_TOO_MANY_HOPS" // it was sent on as often as it may be: nobody has handled it
  | "PARTI_ABORTED"
  | "PARTI_INVARIANT"; // a bug in parti: please report it

/** These say nothing about what was asked: there was nobody to answer, or the answer has not come, or it was that now is not the time. */
export const OUTAGE_CODES: readonly PartiErrorCode[] = [
  "PARTI_DISCONNECTED",
  "PARTI_TIMEOUT",
  "PARTI_NO_RESPONDERS",
  "PARTI_UNAVAILABLE",
];

/** What a {@linkcode PartiError} is made from. */
export interface PartiErrorOptions {
  /** The offending value, as it was given. */
  readonly value?: unknown;
  /** What the reader can do about it, one sentence. */
  readonly hint?: string;
  /** The error underneath, if any. */
  readonly cause?: unknown;
}

/** The only error class the library throws on purpose. */
export class PartiError extends Error {
  /** Always `PartiError`. */
  override readonly name = "PartiError";
  /** The stable code. */
  readonly code: PartiErrorCode;
  /** The offending value, if there is one. */
  readonly value: unknown;
  /** What to do about it, if there is something to do. */
  readonly hint: string | undefined;

  /**
   * Makes an error.
   *
   * @param code the stable code
   * @param message what happened, in one sentence
   * @param options the value, a hint and the cause
   */
  constructor(code: PartiErrorCode, message: string, options: PartiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.value = options.value;
    this.hint = options.hint;
  }
}

/**
 * Tells whether an error is a {@linkcode PartiError} with one of the given codes.
 *
 * @param error anything caught
 * @param codes the codes to look for; none means any
 * @returns true if it is
 */
export function isPartiError(error: unknown, ...codes: PartiErrorCode[]): error is PartiError {
  return error instanceof PartiError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * Checks an invariant in production code.
 *
 * @param condition what must be true
 * @param message what it means, in the negative ("two owners for p-3")
 * @throws {PartiError} `PARTI_INVARIANT` if the condition is false
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new PartiError("PARTI_INVARIANT", `invariant violated: ${message}`, {
      hint: "this is a bug in parti; please report it with the log",
    });
  }
}

/**
 * Turns anything caught into a one-line text.
 *
 * @param error anything caught
 * @returns its message, with the code in front if it has one
 */
export function describeError(error: unknown): string {
  if (error instanceof PartiError) return `${error.code}: ${error.message}`;
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    // Whoever asks is dealing with one failure, and must not get another one.
    return "something that cannot be put into words";
  }
}
