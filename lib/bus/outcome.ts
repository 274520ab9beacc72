/**
 * What an answer means to the caller, a value or an error with a code; and what the end of a handler means as an answer.
 *
 * @module
 */
import { describeError, isPartiError, PartiError, type PartiErrorCode } from "../errors.ts";
import type { Answer, Refusal, Said } from "./envelope.ts";

const REFUSALS: Record<Refusal, { readonly code: PartiErrorCode; readonly hint: string }> = {
  "overloaded": { code: "PARTI_OVERLOADED", hint: "call less often, or later" },
  "no handler": { code: "PARTI_NO_HANDLER", hint: "check the name, and what that node handles" },
  "too many hops": {
    code: "PARTI_TOO_MANY_HOPS",
    hint: "it moves too often at present: try again a little later",
  },
  "late": { code: "PARTI_TIMEOUT", hint: "nobody has handled it" },
  "gone": {
    code: "PARTI_MAYBE_DELIVERED",
    hint: "it was sent on to a node that is there no more",
  },
  "lost": {
    code: "PARTI_MAYBE_DELIVERED",
    hint: "its node has lost its lease while it was at work",
  },
  "not begun": { code: "PARTI_NOT_SENT", hint: "nobody has handled it: try again" },
  "given up": {
    code: "PARTI_MAYBE_DELIVERED",
    hint: "whoever had the actor's shard before may have handled it",
  },
  "stopped": { code: "PARTI_NOT_SENT", hint: "that node is on its way out: try again" },
};

/**
 * The value of an answer.
 *
 * @param answer the answer
 * @returns the handler's value
 * @throws {PartiError} `PARTI_CALL_FAILED` if the handler threw, or why no handler has seen the call
 */
export function valueOf(answer: Answer): Uint8Array {
  const error = errorOf(answer);
  if (error !== undefined) throw error;
  return answer.payload;
}

/**
 * The error of an answer.
 *
 * @param answer the answer
 * @returns the error; undefined if it has a value
 */
export function errorOf(
  { status, reason, message, at }: Pick<Answer, "status" | "reason" | "message" | "at">,
): PartiError | undefined {
  if (status === "done") return undefined;
  if (status === "failed") {
    return new PartiError("PARTI_CALL_FAILED", message ?? "the handler failed", { value: at });
  }
  const text = `${at} refused the call: ${message ?? reason}`;
  const refusal = REFUSALS[reason ?? "stopped"];
  // Another version may know of other reasons.
  if (refusal === undefined) return new PartiError("PARTI_NO_HANDLER", text, { value: at });
  return new PartiError(refusal.code, text, { value: at, hint: refusal.hint });
}

const CODE_PREFIX = "PARTI_";

/**
 * What a request has come to, as metrics name it.
 *
 * @param error what its caller was told; undefined if it has a value
 * @returns `value`, or the code in small letters, such as `timeout`
 */
export function outcomeOf(error: unknown): string {
  if (error === undefined) return "value";
  return isPartiError(error) ? error.code.slice(CODE_PREFIX.length).toLowerCase() : "bug";
}

/**
 * An outcome nobody can know.
 *
 * @param why what went before the answer came
 * @returns the error
 */
export function maybeDelivered(why: string): PartiError {
  return new PartiError("PARTI_MAYBE_DELIVERED", `${why} before the answer came`, {
    hint: "it may have been handled or not; with an idempotencyKey it is tried again",
  });
}

/**
 * Where a call was sent nobody listens: nobody was ever there, or whoever was went before the answer came.
 *
 * @param node the node, if it was sent to whichever life of it; one life of a node was there once
 * @returns the error
 */
export function nobodyThere(node: string | undefined): PartiError {
  if (node === undefined) return maybeDelivered("the receiver went");
  return new PartiError("PARTI_MAYBE_DELIVERED", `nobody listens as node ${node}`, {
    value: node,
    hint: "check the name and whether it runs; if it went just now it may have handled the call",
  });
}

/**
 * Where a call was sent this user may not send, as the server says by now.
 *
 * @param refusal what the server says
 * @returns the error
 */
export function mayNotSend(refusal: PartiError): PartiError {
  const why = `${refusal.message}: unless that has just changed nobody has handled it`;
  return new PartiError("PARTI_MAYBE_DELIVERED", why, {
    value: refusal.value,
    cause: refusal,
    ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
  });
}

/**
 * What sending a call in vain means to its caller.
 *
 * @param error why it could not be sent
 * @returns the error
 */
export function notSent(error: unknown): PartiError {
  if (!isPartiError(error)) {
    // A bug, or a payload that is none: the caller is told, and nobody waits.
    return new PartiError("PARTI_NOT_SENT", `it could not be sent: ${describeError(error)}`, {
      cause: error,
    });
  }
  // Whether a feed has stored it is unknown.
  if (error.code === "PARTI_TIMEOUT") return maybeDelivered("the feed was silent");
  if (error.code === "PARTI_OVERLOADED") return error;
  return new PartiError("PARTI_NOT_SENT", `it was not sent: ${error.message}`, {
    value: error.value,
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

/** So much of what a handler threw is told to the caller. */
const MESSAGE_MAX = 1_000;
const NOTHING = new Uint8Array();

/**
 * What is answered when a handler has come to its end.
 *
 * @param value what it has returned, whatever its type says
 * @returns the answer
 * @throws {TypeError} if it is neither bytes nor nothing: that is the handler's failure
 */
export function doneWith(value: unknown): Said {
  if (value === undefined) return { status: "done", payload: NOTHING };
  if (value instanceof Uint8Array) return { status: "done", payload: value };
  throw new TypeError(`the handler returned ${typeof value}, not bytes`);
}

/**
 * What is answered when a handler has failed.
 *
 * @param error what it threw
 * @returns the answer
 */
export function failedWith(error: unknown): Said {
  return { status: "failed", message: describeError(error).slice(0, MESSAGE_MAX) };
}
