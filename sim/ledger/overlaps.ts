/**
 * Tells which of two handlers that overlapped in time are a defect.
 *
 * @module
 */
import type { HandlerSpans } from "./handler_spans.ts";
import type { Excuse, Impairments } from "./impairments.ts";
import { CLOCK_TOLERANCE_US, overlaps, type Span, type SpanPair } from "./spans.ts";

/** No overlap, by the reasons they may have. */
export const NOTHING_EXCUSED: Readonly<Record<Excuse, number>> = {
  stoodStill: 0,
  starved: 0,
  disconnected: 0,
  outage: 0,
  rightEnded: 0,
};

/** All overlaps of a run, judged. */
export interface OverlapVerdict {
  /** Two handlers at one partition at once, without an excuse. */
  readonly interleaved: readonly SpanPair[];
  /** How many had which excuse. */
  readonly excused: Readonly<Record<Excuse, number>>;
  /** Those of which nobody can tell: only a worker's own word speaks for them, or they are shorter than what clocks differ by. */
  readonly unproven: readonly SpanPair[];
  /** Handlers that were reported too late to be compared. */
  readonly unchecked: number;
}

/**
 * Judges by all that is known by now of what happened to the processes. No report may come afterwards.
 *
 * @param handlers who handled what
 * @param impairments what happened to whom
 * @param counted overlaps that are counted elsewhere, by their key
 * @param clockDoubtUs by how much the clocks of two processes may differ beyond what is common, in microseconds
 * @returns the verdict
 */
export function judgeOverlaps(
  handlers: HandlerSpans,
  impairments: Impairments,
  counted: ReadonlySet<string>,
  clockDoubtUs = 0,
): OverlapVerdict {
  handlers.finish();
  const interleaved: SpanPair[] = [];
  const excused = { ...NOTHING_EXCUSED };
  const unproven: SpanPair[] = [];
  for (const [key, overlap] of handlers.overlaps) {
    const excuse = excuseFor(overlap, impairments) ?? byClocks(overlap, clockDoubtUs);
    if (excuse === "unproven") unproven.push(overlap);
    else if (excuse !== undefined) excused[excuse]++;
    else if (!counted.has(key)) interleaved.push(overlap);
  }
  const unchecked = handlers.unchecked.filter((missed) => !excuseFor(missed, impairments));
  return { interleaved, excused, unproven, unchecked: unchecked.length };
}

/**
 * Why two handlers at once are no defect: one of them was stopped, cut off or without a server and could not know, or had been told
 * to stop before the other began. Where only a worker's own word speaks for that nobody can tell. Within one instance nothing is an
 * excuse: whatever it knew, it knew of both.
 *
 * @param overlap the two
 * @param impairments what happened to whom
 * @returns the reason, `unproven` if only a worker itself knows of it; undefined if there is none
 */
function excuseFor(
  { first, second }: SpanPair,
  impairments: Impairments,
): Excuse | "unproven" | undefined {
  if (first.process === second.process && first.instance === second.instance) return undefined;
  const impaired = [first, second].map((handler) => impairments.excuse(handler));
  const borneOut = impaired.find((why) => why !== undefined && why !== "unproven");
  if (borneOut !== undefined) return borneOut;
  if (!overlaps(byRight(first), second.startUs, byRight(second).endUs)) return "rightEnded";
  return impaired.find((why) => why !== undefined);
}

/** Whether clocks that differ may have made the overlap. One process has one clock. */
function byClocks({ first, second }: SpanPair, clockDoubtUs: number): "unproven" | undefined {
  if (first.process === second.process || clockDoubtUs === 0) return undefined;
  const isLonger = overlaps(
    byRight(first),
    second.startUs,
    byRight(second).endUs,
    CLOCK_TOLERANCE_US + clockDoubtUs,
  );
  return isLonger ? undefined : "unproven";
}

/**
 * Writes an overlap for people.
 *
 * @param overlap the overlap
 * @returns one sentence
 */
export function describeOverlap({ first, second }: SpanPair): string {
  const ms = (Math.min(first.endUs, second.endUs) - second.startUs) / 1_000;
  return `sequence ${second.sequence} was begun by ${second.process} while ${first.process} handled ` +
    `sequence ${first.sequence}, for ${ms.toFixed(1)}ms`;
}

/** The part of a handler's time in which it had the right to go on. */
function byRight(span: Span): Span {
  return { ...span, endUs: Math.min(span.endUs, span.rightEndedUs ?? span.endUs) };
}
