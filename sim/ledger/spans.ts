/**
 * A handler's time, and how two of them stand to each other.
 *
 * @module
 */
import type { Delivery } from "./ledger_types.ts";

/** A handler's time, in microseconds since 1970. */
export interface Span {
  /** The worker's process and incarnation. */
  readonly process: string;
  /** The library's instance in it. */
  readonly instance: string;
  /** The message's place in the partition. */
  readonly sequence: number;
  /** When it began. */
  readonly startUs: number;
  /** When it ended; for one that was killed, when that was. */
  readonly endUs: number;
  /** When the library told it to stop, if it did. */
  readonly rightEndedUs?: number;
  /** What came of it; left out for one that was killed. */
  readonly outcome?: Delivery["outcome"];
}

/** Two handlers of one partition that say something together. */
export interface SpanPair {
  /** The partition. */
  readonly partition: number;
  /** The one that began first. */
  readonly first: Span;
  /** The other one. */
  readonly second: Span;
}

/**
 * Clocks of processes on one machine differ by less than this. An overlap shorter than it is not told from a clean
 * handoff.
 */
export const CLOCK_TOLERANCE_US = 1_000;

/**
 * Whether a handler was at work during a time, by more than what clocks may differ.
 *
 * @param span the handler
 * @param fromUs since when, in microseconds since 1970
 * @param untilUs until when
 * @param toleranceUs what clocks may differ; nothing within one process
 */
export function overlaps(
  { startUs, endUs }: Pick<Span, "startUs" | "endUs">,
  fromUs: number,
  untilUs: number,
  toleranceUs: number = CLOCK_TOLERANCE_US,
): boolean {
  return Math.min(endUs, untilUs) - Math.max(startUs, fromUs) > toleranceUs;
}

/**
 * The same for the same two handlers, in whichever order and however they were seen.
 *
 * @param partition the partition
 * @param a one handler
 * @param b the other one
 */
export function pairKey(
  partition: number,
  a: Pick<Span, "process" | "sequence" | "startUs">,
  b: Pick<Span, "process" | "sequence" | "startUs">,
): string {
  return `${partition} ${[spanKey(a), spanKey(b)].sort().join(" ")}`;
}

/** The same for the same handler. */
export function spanKey(
  { process, sequence, startUs }: Pick<Span, "process" | "sequence" | "startUs">,
): string {
  return `${process} ${sequence} ${startUs}`;
}

/** Two handlers in the order of their beginnings. */
export function inOrder(a: Span, b: Span): { first: Span; second: Span } {
  return a.startUs <= b.startUs ? { first: a, second: b } : { first: b, second: a };
}
