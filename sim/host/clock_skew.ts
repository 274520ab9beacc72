/**
 * By how much the clock of another machine is off. Whether two handlers were at work at once, and how late a message came, is read off the
 * clocks of those that tell it.
 *
 * @module
 */
import type { ClockSkew } from "../wire/host_wire.ts";

/** What lies within this is what clocks that are kept by NTP on one network differ by at most. */
export const SKEW_BOUND_MS = 10;

/**
 * Compares two clocks as NTP does (RFC 5905, section 8), by one question.
 *
 * @param askedMs when it was asked, by our clock, in milliseconds since 1970
 * @param answeredMs when it was answered, by the other one
 * @param heardMs when the answer came, by ours
 * @returns how much the other one is ahead
 */
export function skewOf(askedMs: number, answeredMs: number, heardMs: number): ClockSkew {
  return { offsetMs: answeredMs - (askedMs + heardMs) / 2, errorMs: (heardMs - askedMs) / 2 };
}

/**
 * Whether clocks are too far apart to compare what they say.
 *
 * @param skew what is known of them
 * @returns true only if that is certain
 */
export function isTooFar({ offsetMs, errorMs }: ClockSkew): boolean {
  return Math.abs(offsetMs) - errorMs > SKEW_BOUND_MS;
}
