/**
 * The handlers of one partition that are remembered, owner by owner: of each the last ones in full, of those before only the
 * time, so that a day-long run fits in memory.
 *
 * @module
 */
import type { Span } from "./spans.ts";

/** One worker's handlers of one partition under one ownership. */
export interface Tenure {
  /** Whose and which. */
  readonly key: string;
  /** The worker's process and incarnation. */
  readonly process: string;
  /** The library's instance in it. */
  readonly instance: string;
  /** The last ones. */
  readonly spans: Span[];
  /** When the first one began. */
  fromUs: number;
  /** When the last one ended. */
  untilUs: number;
  /** The end of what is not remembered in full. */
  forgottenUntilUs: number;
  /** The highest sequence. */
  highest: number;
  /** When the last one began. */
  lastStartUs: number;
}

/** Remembered in full: a report that is late by fewer of the other worker's messages is compared with each of them. */
const MAX_SPANS = 64;
const MAX_TENURES = 16;

/** The tenures of one partition. */
export class Tenures {
  /** In the order in which they were first heard of. */
  readonly all: Tenure[] = [];
  /** The end of what is not remembered at all. */
  forgottenUntilUs: number = Number.NEGATIVE_INFINITY;

  /**
   * Remembers a handler.
   *
   * @param key the ownership under which it was at work
   * @param span the handler
   */
  add(key: string, span: Span): void {
    let tenure = this.all.find((known) => known.key === key);
    if (tenure === undefined) {
      tenure = begin(key, span);
      this.all.push(tenure);
    }
    tenure.spans.push(span);
    tenure.fromUs = Math.min(tenure.fromUs, span.startUs);
    tenure.untilUs = Math.max(tenure.untilUs, span.endUs);
    tenure.highest = Math.max(tenure.highest, span.sequence);
    tenure.lastStartUs = Math.max(tenure.lastStartUs, span.startUs);
    if (tenure.spans.length > MAX_SPANS) {
      const { endUs } = tenure.spans.shift()!;
      tenure.forgottenUntilUs = Math.max(tenure.forgottenUntilUs, endUs);
    }
    if (this.all.length > MAX_TENURES) {
      const { untilUs } = this.all.shift()!;
      this.forgottenUntilUs = Math.max(this.forgottenUntilUs, untilUs);
    }
  }
}

function begin(key: string, { process, instance, sequence, startUs, endUs }: Span): Tenure {
  return {
    ...{ key, process, instance, spans: [], fromUs: startUs, untilUs: endUs },
    ...{ forgottenUntilUs: Number.NEGATIVE_INFINITY, highest: sequence, lastStartUs: startUs },
  };
}
