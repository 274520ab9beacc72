/**
 * The reply subject of a delivered message: where acks go, and where the delivery's numbers are.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";

/** A delivery's numbers. */
export interface Delivery {
  /** The message's place in the stream. */
  readonly streamSequence: number;
  /** Its place among the consumer's deliveries. */
  readonly deliverySequence: number;
  /** How often it was delivered. */
  readonly deliveryCount: number;
  /** When it was stored, in milliseconds since 1970. */
  readonly storedAtMs: number;
  /** Messages waiting behind it. */
  readonly pending: number;
}

/** `$JS.ACK` and seven fields: stream, consumer, count, stream sequence, consumer sequence, time, pending. */
const OLD_FORM_TOKENS = 9;
/** Domain and account hash come before the stream; a random token may follow. */
const NEW_FORM_TOKENS = 11;
const PREFIX = "$JS.ACK.";
const PREFIX_TOKENS = 2;
const ZERO = 48;

/** Where the dots of the subject being read are, and its end. Reading is synchronous, so one list serves all. */
const dots: number[] = [];

/**
 * Reads an ack subject, in the old form of 9 tokens or the new one of 11 or more. This runs for every message, so it takes nothing apart
 * that it does not need.
 *
 * @param reply the reply subject of a delivered message
 * @returns the numbers
 * @throws {PartiError} `PARTI_REFUSED` if it is no ack subject
 */
export function parseAckSubject(reply: string): Delivery {
  const tokens = PREFIX_TOKENS + findDots(reply);
  const isAck = reply.startsWith(PREFIX) &&
    (tokens === OLD_FORM_TOKENS || tokens >= NEW_FORM_TOKENS);
  if (!isAck) {
    throw new PartiError("PARTI_REFUSED", "a delivered message has no ack subject", {
      value: reply,
      hint:
        "is the consumer's ack policy or the account's import mapping different from what parti made?",
    });
  }
  // The first number is behind stream and consumer.
  const first = tokens === OLD_FORM_TOKENS ? 2 : 4;
  return {
    deliveryCount: wholeAt(reply, first),
    streamSequence: wholeAt(reply, first + 1),
    deliverySequence: wholeAt(reply, first + 2),
    // 19 digits do not fit a double exactly; what is lost is below a microsecond.
    storedAtMs: Number(reply.slice(dots[first + 2]! + 1, dots[first + 3])) / 1e6,
    pending: wholeAt(reply, first + 4),
  };
}

/** Finds the ends of the tokens behind the prefix; returns how many there are. */
function findDots(reply: string): number {
  let count = 0;
  for (let at = PREFIX.length - 1; at >= 0; at = reply.indexOf(".", at + 1)) {
    if (at >= PREFIX.length) dots[count++] = at;
  }
  dots[count++] = reply.length;
  return count;
}

/** The number in one of the tokens behind the prefix; `NaN` if there is something else. */
function wholeAt(reply: string, token: number): number {
  const end = dots[token]!;
  let value = 0;
  for (let at = dots[token - 1]! + 1; at < end; at++) {
    const digit = reply.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}
