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

/**
 * Reads an ack subject, in the old form of 9 tokens or the new one of 11 or more.
 *
 * @param reply the reply subject of a delivered message
 * @returns the numbers
 * @throws {PartiError} `PARTI_REFUSED` if it is no ack subject
 */
export function parseAckSubject(reply: string): Delivery {
  const tokens = reply.split(".");
  const isAck = tokens[0] === "$JS" && tokens[1] === "ACK" &&
    (tokens.length === OLD_FORM_TOKENS || tokens.length >= NEW_FORM_TOKENS);
  if (!isAck) {
    throw new PartiError("PARTI_REFUSED", "a delivered message has no ack subject", {
      value: reply,
      hint:
        "is the consumer's ack policy or the account's import mapping different from what parti made?",
    });
  }
  const first = tokens.length === OLD_FORM_TOKENS ? 4 : 6;
  return {
    deliveryCount: Number(tokens[first]),
    streamSequence: Number(tokens[first + 1]),
    deliverySequence: Number(tokens[first + 2]),
    // 19 digits do not fit a double exactly; what is lost is below a microsecond.
    storedAtMs: Number(tokens[first + 3]) / 1e6,
    pending: Number(tokens[first + 4]),
  };
}
