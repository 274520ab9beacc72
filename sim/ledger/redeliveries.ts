/**
 * Tells which redeliveries nothing in the run explains. Delivery is at least once, so a redelivery is no defect; but a message that was
 * handled and acknowledged in peace should not come again.
 *
 * @module
 */
import type { HandlerSpans } from "./handler_spans.ts";
import type { Impairments } from "./impairments.ts";
import type { Span, SpanPair } from "./spans.ts";

/** An acknowledgement may be lost if this soon after the handler's end its worker is killed or cut off, or the server dies. */
const ACK_LOST_US = 1_000_000;

/**
 * The redeliveries without an explanation. A redelivery is explained by the handler before it: that one failed, was killed with its
 * worker or told to stop, or its worker was stopped, cut off or without a server before the acknowledgement had arrived.
 *
 * @param handlers who handled what; no report may come afterwards
 * @param impairments what happened to whom
 * @returns the redeliveries, each with the handler before it
 */
export function unexplainedRedeliveries(
  handlers: HandlerSpans,
  impairments: Impairments,
): SpanPair[] {
  handlers.finish();
  return [...handlers.repeated.values()].filter(({ first }) =>
    !explains(first, handlers, impairments)
  );
}

function explains(first: Span, handlers: HandlerSpans, impairments: Impairments): boolean {
  const { process, outcome, rightEndedUs, startUs, endUs } = first;
  if (outcome === undefined || outcome === "failed" || rightEndedUs !== undefined) return true;
  const killedAtUs = handlers.killedAtUs(process) ?? Number.POSITIVE_INFINITY;
  return killedAtUs <= endUs + ACK_LOST_US ||
    impairments.mayBeUnheard(process, startUs, endUs + ACK_LOST_US) ||
    impairments.during(process, startUs, endUs + ACK_LOST_US) !== undefined;
}

/**
 * Writes a redelivery for people.
 *
 * @param redelivery the redelivery
 * @returns a part of a sentence
 */
export function describeRedelivery({ partition, first, second }: SpanPair): string {
  return `sequence ${second.sequence} of partition ${partition} by ${first.process}, ` +
    `then by ${second.process}`;
}
