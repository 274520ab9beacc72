/**
 * How many publications may wait, or wait for room, and what is told when as many do.
 *
 * @module
 */
import { PartiError } from "../errors.ts";

/** So many publications may wait for their turn unless told otherwise. */
export const DEFAULT_MAX_WAITING = 65_536;

/**
 * The refusal of a publication for which there is no place to wait: nothing of it was sent.
 *
 * @param subject where it was to go
 * @param mostWaiting how many may wait
 * @returns `PARTI_OVERLOADED`
 */
export function tooManyWaiting(subject: string, mostWaiting: number): PartiError {
  return new PartiError(
    "PARTI_OVERLOADED",
    `publish to ${subject}: ${mostWaiting} publications wait already`,
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
