/**
 * What the server says about a pull request.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";

/** The meaning of a status message. */
export interface PullStatus {
  /**
   * `heartbeat`: a sign of life; `ended`: the request is over, ask again; `tooLarge`: over, since the next message is larger than what was
   * left of the request's bytes; `tooMany`: over, since it was for more messages than the server lets anybody ask for; `notReady`: over, ask again in a while;
   * `noResponders`: nobody serves the consumer; `deleted`: the consumer is gone; `failed`: asking again would not help.
   */
  readonly kind:
    | "heartbeat"
    | "ended"
    | "tooLarge"
    | "tooMany"
    | "notReady"
    | "noResponders"
    | "deleted"
    | "failed";
  /** Messages of the request that will not come; undefined if the server did not say. */
  readonly left: number | undefined;
  /** Bytes of the request that will not come; undefined if the server did not say. */
  readonly leftBytes: number | undefined;
  /** For how many messages a request may be, where this one was for too many. */
  readonly most: number | undefined;
  /** The last delivery that the consumer has made, which a heartbeat says; undefined if the server did not say. */
  readonly delivered: number | undefined;
  /** The server's words. */
  readonly text: string;
}

/** How the server says that a consumer, or all of them, have a bound (`max_request_batch`). */
const TOO_MANY = /maxrequestbatch of (\d+)/i;
/** 409 says many things. These end the request without fault of ours, and a new one will be served at once or soon. */
const SOON = ["leadership change", "server shutdown", "maxwaiting", "maxackpending", "max ack"];

function kindOf(code: number, text: string): PullStatus["kind"] {
  if (code === 100) return "heartbeat";
  if (code === 404 || code === 408) return "ended";
  if (code === 503) return "noResponders";
  if (code !== 409) return "failed";
  const words = text.toLowerCase();
  if (words.includes("consumer deleted") || words.includes("stream deleted")) return "deleted";
  if (words.includes("batch completed")) return "ended";
  if (words.includes("message size exceeds")) return "tooLarge";
  if (mostOf(text) !== undefined) return "tooMany";
  return SOON.some((phrase) => words.includes(phrase)) ? "notReady" : "failed";
}

function mostOf(text: string): number | undefined {
  const most = Number(TOO_MANY.exec(text)?.[1]);
  return most > 0 ? most : undefined;
}

/**
 * Reads a status message.
 *
 * @param msg a message that came under the pull's own inbox
 * @returns what it means
 */
export function readStatus(msg: Msg): PullStatus {
  const code = msg.headers?.code ?? 0;
  const description = msg.headers?.description ?? "";
  const numberOf = (name: string): number | undefined => {
    const value = msg.headers?.get(name) ?? "";
    return /^\d+$/.test(value) ? Number(value) : undefined;
  };
  return {
    kind: kindOf(code, description),
    left: numberOf("Nats-Pending-Messages"),
    leftBytes: numberOf("Nats-Pending-Bytes"),
    most: mostOf(description),
    delivered: numberOf("Nats-Last-Consumer"),
    text: `${code} ${description}`.trim(),
  };
}
