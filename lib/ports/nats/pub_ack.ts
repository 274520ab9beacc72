/**
 * The stream's word for a publication.
 *
 * Nearly all of these are `{"stream":"S","seq":123}`, and there are 100,000 of them a second: they are read from their end, byte by
 * byte. Whatever looks otherwise is read as JSON.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { PublishAck } from "../feed.ts";
import { readAnswer } from "./api.ts";
import type { WirePubAck } from "./wire.ts";

const BEGINNING = new TextEncoder().encode('{"stream":"');
// Spaces differ between versions of the server.
const MIDDLES = ['","seq":', '", "seq":'].map((text) => new TextEncoder().encode(text));
const CLOSING = 125;
const ZERO = 48;
/** Sequences of more digits might not be whole numbers any more; those are read as JSON. */
const DIGITS_MAX = 15;

/**
 * Reads a publication's answer.
 *
 * @param data the answer's payload
 * @param subject where the message was published to, for the error
 * @returns where it was stored
 * @throws {PartiError} what the stream refused with; `PARTI_REFUSED` if the answer is not a stream's
 */
export function readPubAck(data: Uint8Array, subject: string): PublishAck {
  const sequence = usualSequence(data);
  if (sequence > 0) return { sequence, duplicate: false };
  const ack = readAnswer<WirePubAck>(data, `publish to ${subject}`);
  if (typeof ack.seq !== "number") {
    throw new PartiError("PARTI_REFUSED", `publish to ${subject}: not a stream's answer`, {
      value: ack,
      hint: "a subscriber answers on this subject instead of a stream",
    });
  }
  return { sequence: ack.seq, duplicate: ack.duplicate === true };
}

/** The sequence in an answer that has a stream and a sequence and nothing else; 0 if it is another one. */
function usualSequence(data: Uint8Array): number {
  let at = data.length - 1;
  if (data[at] !== CLOSING || !hasAt(data, 0, BEGINNING)) return 0;
  let sequence = 0, place = 1;
  for (at--; at >= 0; at--, place *= 10) {
    const digit = data[at]! - ZERO;
    if (digit < 0 || digit > 9) break;
    sequence += digit * place;
  }
  if (place > 10 ** DIGITS_MAX) return 0;
  return MIDDLES.some((middle) => endsAt(data, at, middle)) ? sequence : 0;
}

function endsAt(data: Uint8Array, last: number, what: Uint8Array): boolean {
  const at = last + 1 - what.length;
  return at >= BEGINNING.length && hasAt(data, at, what);
}

function hasAt(data: Uint8Array, at: number, what: Uint8Array): boolean {
  for (let i = 0; i < what.length; i++) if (data[at + i] !== what[i]) return false;
  return true;
}
