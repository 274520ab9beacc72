/**
 * Turns what the client and JetStream say into {@linkcode PartiError}s.
 *
 * @module
 */
import {
  AuthorizationError,
  ClosedConnectionError,
  DrainingConnectionError,
  InvalidArgumentError,
  InvalidSubjectError,
  PermissionViolationError,
  TimeoutError,
  UserAuthenticationExpiredError,
} from "@nats-io/nats-core";
import { PartiError, type PartiErrorCode } from "../../errors.ts";

/** The error part of a JetStream answer. */
export interface JsApiError {
  /** An HTTP-like code. */
  readonly code: number;
  /** JetStream's own code. */
  readonly err_code?: number;
  /** The server's text. */
  readonly description?: string;
}

/** JetStream's codes that mean more to the library than "refused". */
const CODES: Readonly<Record<number, PartiErrorCode>> = {
  10071: "PARTI_CONFLICT", // wrong last sequence
  10164: "PARTI_CONFLICT", // wrong last sequence, without the number
  10070: "PARTI_CONFLICT", // wrong last message ID
  10013: "PARTI_CONFLICT", // consumer name in use
  10148: "PARTI_CONFLICT", // consumer exists with another configuration
  10058: "PARTI_CONFLICT", // stream name in use with another configuration
  10014: "PARTI_NOT_FOUND", // consumer
  10149: "PARTI_NOT_FOUND", // consumer to be updated
  10059: "PARTI_NOT_FOUND", // stream
  10037: "PARTI_NOT_FOUND", // message
  10054: "PARTI_TOO_LARGE", // message, of max_msg_size
  10097: "PARTI_TOO_LARGE", // headers, of 64 KiB
  10121: "PARTI_LIMIT_EXCEEDED", // max_ack_pending, of the stream, the account or the server
  // No leader yet, or still recovering: nothing was done, and a retry may well succeed.
  10006: "PARTI_NO_RESPONDERS", // cluster not active
  10007: "PARTI_NO_RESPONDERS", // not assigned to this server
  10008: "PARTI_NO_RESPONDERS", // JetStream temporarily unavailable
  10009: "PARTI_NO_RESPONDERS", // not the leader
  10118: "PARTI_NO_RESPONDERS", // stream offline
  10119: "PARTI_NO_RESPONDERS", // consumer offline
  // A retry may succeed here, too, but there is somebody to answer.
  10002: "PARTI_UNAVAILABLE", // the account's storage is full
  10163: "PARTI_UNAVAILABLE", // what a subject's last message is cannot be said just now
  10023: "PARTI_UNAVAILABLE", // insufficient resources: the server's storage is full
  10167: "PARTI_UNAVAILABLE", // too many requests wait for the stream
  10099: "PARTI_FILTER_OVERLAP", // several unfiltered consumers on a WorkQueue stream
  10100: "PARTI_FILTER_OVERLAP", // overlapping filters on a WorkQueue stream
};

/** HTTP's "service unavailable" and "too many requests": without a code of JetStream's own, as when a leader is about to go, they mean that. */
const NOT_NOW = [503, 429];
/** The code for whatever a stream could not store… */
const STORE_FAILED = 10077;
/** …which says that the stream is full, and not that its subject is, with these words. */
const FULL = /^maximum (?:bytes|messages) exceeded/;

const TOO_LARGE_HINT =
  "send less in one message, or raise max_payload of the server, or max_msg_size of the stream";

const FULL_HINT =
  "raise the limits of JetStream's storage, and give each stream a max_bytes well below them: where all is full no lease can be renewed, and nobody can catch up";

/** What the reader can do about a code, where that is not plain. */
const HINTS: Readonly<Record<number, string>> = {
  10039: "enable JetStream for this account",
  10076: "start nats-server with -js, or enable jetstream in its configuration",
  10026: "raise max_consumers of the stream or the account",
  10054: TOO_LARGE_HINT,
  10097: "headers may have 64 KiB in all: send less in them",
  10002: FULL_HINT,
  10023: FULL_HINT,
  10077: "the stream, or its subject, is full: raise its limits, or let the workers catch up",
  10167: "publish less at once: wait for `room()`",
  10121:
    "raise max_ack_pending in the consumer_limits of the stream, or in the limits of the account or the server",
  10113:
    "make this stream or bucket yourself before, with a max_bytes: what is there is taken as it is",
  10153:
    "set consumer.inactiveThreshold to no more than inactive_threshold in the stream's consumer_limits",
  10047: "raise the account's or the server's JetStream storage limits",
};

/**
 * Turns JetStream's refusal into an error.
 *
 * @param error the error part of the answer
 * @param what what was tried, such as `create consumer lane-1`
 * @returns the error to throw; its value holds the server's code and text
 */
export function fromJsApiError(error: JsApiError, what: string): PartiError {
  const errCode = error.err_code ?? 0;
  const code = codeOf(error);
  const hint = HINTS[errCode];
  return new PartiError(code, `${what}: ${error.description ?? "refused"} (${errCode})`, {
    value: { code: error.code, errCode, description: error.description ?? "" },
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * JetStream's own code in the value of an error.
 *
 * @param value the value, such as {@linkcode fromJsApiError} gives it
 * @returns the code; 0 if there is none
 */
export function errCodeOf(value: unknown): number {
  return (value as { errCode?: number } | undefined)?.errCode ?? 0;
}

function codeOf({ code, err_code: errCode = 0, description = "" }: JsApiError): PartiErrorCode {
  const known = CODES[errCode];
  if (known !== undefined) return known;
  if (errCode === STORE_FAILED && FULL.test(description)) return "PARTI_STREAM_FULL";
  return errCode === 0 && NOT_NOW.includes(code) ? "PARTI_UNAVAILABLE" : "PARTI_REFUSED";
}

/**
 * Turns an error thrown by the client into one of ours.
 *
 * @param error what was caught
 * @param what what was tried
 * @returns the error to throw; a {@linkcode PartiError} comes back as it is
 */
export function fromClientError(error: unknown, what: string): PartiError {
  if (error instanceof PartiError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const make = (code: PartiErrorCode, hint?: string): PartiError =>
    new PartiError(code, `${what}: ${text}`, {
      cause: error,
      value: text,
      ...(hint === undefined ? {} : { hint }),
    });
  if (error instanceof ClosedConnectionError || error instanceof DrainingConnectionError) {
    return make("PARTI_DISCONNECTED", "open a new connection");
  }
  if (error instanceof TimeoutError) return make("PARTI_TIMEOUT");
  if (
    error instanceof PermissionViolationError || error instanceof AuthorizationError ||
    error instanceof UserAuthenticationExpiredError
  ) return make("PARTI_REFUSED", "check the user's permissions");
  if (error instanceof InvalidArgumentError && text.includes("max_payload")) {
    return make("PARTI_TOO_LARGE", TOO_LARGE_HINT);
  }
  if (error instanceof InvalidSubjectError || error instanceof InvalidArgumentError) {
    return make("PARTI_REFUSED", "check the subject and the headers");
  }
  return make("PARTI_REFUSED");
}
