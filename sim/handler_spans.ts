/**
 * Who handles what, from when to when, as the workers report it; and whether two workers ever handle one partition at the same
 * time. Effects cannot show this: of two handlers at once the fence lets only one have its effect.
 *
 * @module
 */
import type { Delivery } from "./ledger_types.ts";

/** A handler's time, in microseconds since 1970. */
export interface Span {
  /** The worker's process and incarnation. */
  readonly process: string;
  /** The message's place in the partition. */
  readonly sequence: number;
  /** When it began. */
  readonly startUs: number;
  /** When it ended; for one that was killed, when that was. */
  readonly endUs: number;
  /** When the library told it to stop, if it did. */
  readonly rightEndedUs?: number;
}

/** Two handlers of one partition at the same time, by different workers. */
export interface Overlap {
  /** The partition. */
  readonly partition: number;
  /** The one that began first. */
  readonly first: Span;
  /** The other one. */
  readonly second: Span;
}

/** One worker's handlers of one partition under one ownership: the last ones in full, of those before only the time. */
interface Tenure {
  readonly key: string;
  readonly process: string;
  spans: Span[];
  fromUs: number;
  untilUs: number;
  /** The end of what is not remembered in full. */
  forgottenUntilUs: number;
}

/** What is known of one partition. */
interface Page {
  /** In the order in which they were first heard of. */
  readonly tenures: Tenure[];
  /** The end of what is not remembered at all. */
  forgottenUntilUs: number;
}

/** A handler that has begun and whose end is not known. */
interface Begun {
  readonly partition: number;
  readonly sequence: number;
  readonly startUs: number;
}

/**
 * Clocks of processes on one machine differ by less than this. An overlap shorter than it is not told from a clean
 * handoff.
 */
export const CLOCK_TOLERANCE_US = 1_000;
/** Remembered in full: a report that is late by fewer of the other worker's messages is compared with each of them. */
const MAX_SPANS = 64;
const MAX_TENURES = 16;
/** A report that was under way when its worker was killed is here by then. */
const LAST_WORDS_US = 5_000_000;
/** Overlaps kept to be judged at the end; whoever has more has seen enough. */
const MAX_OVERLAPS = 10_000;

/** All handlers of a run. */
export class HandlerSpans {
  /** Handlers that overlapped, each pair once; {@linkcode judgeOverlaps} tells which of them are no defect. */
  readonly overlaps: Map<string, Overlap> = new Map();
  /** Handlers that were reported so late that there was nothing left to compare them with. */
  readonly unchecked: Overlap[] = [];
  readonly #pages: Page[];
  readonly #begun = new Map<string, Map<string, Begun>>();
  readonly #victims: { readonly process: string; readonly atUs: number }[] = [];
  #killed = 0;

  /** @param partitions how many partitions there are */
  constructor(partitions: number) {
    this.#pages = Array.from(
      { length: partitions },
      () => ({ tenures: [], forgottenUntilUs: Number.NEGATIVE_INFINITY }),
    );
  }

  /** Handlers that began and have not reported their end: those at work now, and those that were killed. */
  get unreported(): number {
    let count = this.#killed;
    for (const begun of this.#begun.values()) count += begun.size;
    return count;
  }

  /**
   * A handler begins.
   *
   * @param process the worker's process and incarnation
   * @param partition the partition
   * @param sequence the message's place in it
   * @param startUs when, in microseconds since 1970
   */
  begun(process: string, partition: number, sequence: number, startUs: number): void {
    const begun = this.#begun.get(process) ?? new Map<string, Begun>();
    begun.set(`${partition} ${sequence}`, { partition, sequence, startUs });
    this.#begun.set(process, begun);
    this.#buryKilled(startUs - LAST_WORDS_US);
  }

  /**
   * A handler has ended. Reports of different workers may come late and in any order.
   *
   * @param delivery its report
   */
  ended(delivery: Delivery): void {
    const { process, partition, sequence, epoch, generation, startUs } = delivery;
    this.#begun.get(process)?.delete(`${partition} ${sequence}`);
    this.#add(partition, `${process} ${epoch}.${generation}`, delivery);
    this.#buryKilled(startUs - LAST_WORDS_US);
  }

  /**
   * A worker was killed: what it handled then ended then.
   *
   * @param process its name and incarnation
   * @param atUs when, in microseconds since 1970
   */
  killed(process: string, atUs: number): void {
    this.#victims.push({ process, atUs });
  }

  /** No report is to come any more. */
  finish(): void {
    this.#buryKilled(Number.POSITIVE_INFINITY);
  }

  #buryKilled(beforeUs: number): void {
    for (let victim = this.#victims[0]; victim !== undefined; victim = this.#victims[0]) {
      const { process, atUs } = victim;
      if (atUs > beforeUs) return;
      this.#victims.shift();
      for (const { partition, sequence, startUs } of this.#begun.get(process)?.values() ?? []) {
        this.#killed++;
        this.#add(partition, process, { process, sequence, startUs, endUs: atUs });
      }
      this.#begun.delete(process);
    }
  }

  #add(partition: number, key: string, from: Span): void {
    const page = this.#pages[partition];
    if (page === undefined) return;
    const { process, sequence, startUs, endUs, rightEndedUs } = from;
    // A copy: the report itself has more, and there are many.
    const span: Span = {
      process,
      sequence,
      startUs,
      endUs,
      ...(rightEndedUs === undefined ? {} : { rightEndedUs }),
    };
    this.#compare(partition, page, span);
    remember(page, key, span);
  }

  #compare(partition: number, page: Page, span: Span): void {
    for (const tenure of page.tenures) {
      const { process, spans, fromUs, untilUs, forgottenUntilUs } = tenure;
      if (process === span.process || !overlaps(span, fromUs, untilUs)) continue;
      const met = spans.filter(({ startUs, endUs }) => overlaps(span, startUs, endUs));
      for (const other of met) this.#found({ partition, ...inOrder(span, other) });
      if (met.length === 0 && overlaps(span, fromUs, forgottenUntilUs)) {
        this.#missed(partition, span, { process, startUs: fromUs, endUs: forgottenUntilUs });
      }
    }
    if (span.startUs < page.forgottenUntilUs - CLOCK_TOLERANCE_US) {
      this.#missed(partition, span, { process: "", startUs: 0, endUs: page.forgottenUntilUs });
    }
  }

  #found(overlap: Overlap): void {
    if (this.overlaps.size >= MAX_OVERLAPS) return;
    this.overlaps.set(pairKey(overlap.partition, overlap.first, overlap.second), overlap);
  }

  #missed(partition: number, span: Span, other: Omit<Span, "sequence">): void {
    if (this.unchecked.length >= MAX_OVERLAPS) return;
    this.unchecked.push({ partition, ...inOrder(span, { ...other, sequence: 0 }) });
  }
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
  const keys = [a, b].map(({ process, sequence, startUs }) => `${process} ${sequence} ${startUs}`);
  return `${partition} ${keys.sort().join(" ")}`;
}

/**
 * Whether a handler was at work during a time, by more than what clocks may differ.
 *
 * @param span the handler
 * @param fromUs since when, in microseconds since 1970
 * @param untilUs until when
 */
export function overlaps({ startUs, endUs }: Span, fromUs: number, untilUs: number): boolean {
  return Math.min(endUs, untilUs) - Math.max(startUs, fromUs) > CLOCK_TOLERANCE_US;
}

function inOrder(a: Span, b: Span): { first: Span; second: Span } {
  return a.startUs <= b.startUs ? { first: a, second: b } : { first: b, second: a };
}

function remember(page: Page, key: string, span: Span): void {
  let tenure = page.tenures.find((known) => known.key === key);
  if (tenure === undefined) {
    const { process, startUs: fromUs, endUs: untilUs } = span;
    const forgottenUntilUs = Number.NEGATIVE_INFINITY;
    tenure = { key, process, spans: [], fromUs, untilUs, forgottenUntilUs };
    page.tenures.push(tenure);
  }
  tenure.spans.push(span);
  tenure.fromUs = Math.min(tenure.fromUs, span.startUs);
  tenure.untilUs = Math.max(tenure.untilUs, span.endUs);
  if (tenure.spans.length > MAX_SPANS) {
    const { endUs } = tenure.spans.shift()!;
    tenure.forgottenUntilUs = Math.max(tenure.forgottenUntilUs, endUs);
  }
  if (page.tenures.length > MAX_TENURES) {
    const { untilUs } = page.tenures.shift()!;
    page.forgottenUntilUs = Math.max(page.forgottenUntilUs, untilUs);
  }
}
