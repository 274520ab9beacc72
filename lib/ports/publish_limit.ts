/**
 * How much may be published at once, how much a message counts, and what is told where there is no place to wait.
 *
 * @module
 */
import { PartiError } from "../errors.ts";
import type { PublishOptions } from "./feed.ts";

/** So many publications may wait for their turn unless told otherwise. */
export const DEFAULT_MAX_WAITING = 65_536;
/** So many bytes may wait for their turn. */
export const MAX_WAITING_BYTES = 256 * 2 ** 20;

/** About what a client adds to each message: its command, the lengths, and where the answer goes. */
const FRAME_BYTES = 80;

/**
 * About how many bytes a publication is on its way to the server.
 *
 * @param subject where to
 * @param data the payload
 * @param options what goes with it
 * @returns the number
 */
export function publishedBytes(
  subject: string,
  data: Uint8Array,
  options: PublishOptions,
): number {
  const { headers, messageId } = options;
  let bytes = FRAME_BYTES + subject.length + data.length;
  if (messageId !== undefined) bytes += messageId.length;
  if (headers !== undefined) {
    for (const name in headers) bytes += name.length + headers[name]!.length;
  }
  return bytes;
}

/**
 * The refusal of a publication for which there is no place to wait: nothing of it was sent.
 *
 * @param subject where it was to go
 * @param waiting how many wait
 * @param waitingBytes how many bytes these have
 * @returns `PARTI_OVERLOADED`
 */
export function tooManyWaiting(subject: string, waiting: number, waitingBytes: number): PartiError {
  return new PartiError(
    "PARTI_OVERLOADED",
    `publish to ${subject}: ${waiting} publications of ${waitingBytes} bytes wait already`,
    { value: subject, hint: "wait for `room()`, or for outcomes, before publishing on" },
  );
}

/**
 * The refusal of one who would wait for room, where there is no place for that either.
 *
 * @param mostWaiting how many may wait
 * @returns `PARTI_OVERLOADED`
 */
export function tooManyWaitingForRoom(mostWaiting: number): PartiError {
  return new PartiError("PARTI_OVERLOADED", `${mostWaiting} wait for room to publish already`, {
    hint: "let fewer callers publish at once, or have them wait in a line of their own",
  });
}
