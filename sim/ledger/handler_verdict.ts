/**
 * Judges all handlers of a run: two at once, the wrong order, redeliveries without a reason.
 *
 * @module
 */
import type { HandlerSpans } from "./handler_spans.ts";
import type { Impairments } from "./impairments.ts";
import type { Defect } from "./ledger_types.ts";
import { describeOverlap, judgeOverlaps, type OverlapVerdict } from "./overlaps.ts";
import { unexplainedRedeliveries } from "./redeliveries.ts";
import type { SpanPair } from "./spans.ts";

/** All handlers of a run, judged. */
export interface HandlerVerdict extends OverlapVerdict {
  /** Messages that were begun after a later one of their partition by the same instance, although they were not done. */
  readonly misordered: readonly SpanPair[];
  /** Redeliveries that nothing in the run explains. */
  readonly unexplained: readonly SpanPair[];
}

/** What the effects have shown: it is not counted again. */
export interface SeenInEffects {
  /** Overlaps, by their {@linkcode pairKey}. */
  readonly overlapped: ReadonlySet<string>;
  /** Messages whose effect came after a later one's, as `<partition> <sequence>`. */
  readonly outOfOrder: ReadonlySet<string>;
  /** Whether a message has had its effect. */
  readonly isEffective: (partition: number, sequence: number) => boolean;
}

/**
 * Judges. No report may come afterwards.
 *
 * @param handlers who handled what
 * @param impairments what happened to whom
 * @param seen what the effects have shown
 * @param clockDoubtUs by how much the clocks of two processes may differ beyond what is common, in microseconds
 * @returns the verdict
 */
export function judgeHandlers(
  handlers: HandlerSpans,
  impairments: Impairments,
  seen: SeenInEffects,
  clockDoubtUs = 0,
): HandlerVerdict {
  return {
    ...judgeOverlaps(handlers, impairments, seen.overlapped, clockDoubtUs),
    misordered: misordered(handlers, seen),
    unexplained: unexplainedRedeliveries(handlers, impairments),
  };
}

/** Each message once, however many later ones had been begun. */
function misordered(handlers: HandlerSpans, seen: SeenInEffects): SpanPair[] {
  const found = new Map<string, SpanPair>();
  for (const pair of handlers.misordered.values()) {
    const { partition, second } = pair;
    const { sequence, outcome } = second;
    // It had its effect before: a redelivery, which may come at any time.
    if (outcome === "already" && seen.isEffective(partition, sequence)) continue;
    const message = `${partition} ${sequence}`;
    if (!seen.outOfOrder.has(message)) found.set(message, pair);
  }
  return [...found.values()];
}

/**
 * Writes what is wrong for people.
 *
 * @param verdict all handlers of a run, judged
 * @returns a defect for each pair that must not be
 */
export function handlerDefects({ interleaved, misordered }: HandlerVerdict): Defect[] {
  return [
    ...interleaved.map((pair): Defect => {
      const { partition, second: { startUs: atUs } } = pair;
      return { kind: "interleaved", partition, detail: describeOverlap(pair), atUs };
    }),
    ...misordered.map((pair): Defect => {
      const { partition, second: { startUs: atUs } } = pair;
      return { kind: "out_of_order", partition, detail: describeMisorder(pair), atUs };
    }),
  ];
}

function describeMisorder({ first, second }: SpanPair): string {
  return `sequence ${second.sequence} was begun by ${second.process} after sequence ${first.sequence}`;
}
