/**
 * Who handles what, from when to when, as the workers report it; and whether two handlers are ever at work in one partition at the
 * same time, begin in the wrong order, or handle one message twice. Effects cannot show this: of two handlers at once the fence lets
 * only one have its effect.
 *
 * @module
 */
import type { Effect } from "../streams/effect.ts";
import type { Delivery } from "./ledger_types.ts";
import {
  CLOCK_TOLERANCE_US,
  inOrder,
  overlaps,
  pairKey,
  type Span,
  spanKey,
  type SpanPair,
} from "./spans.ts";
import { type Tenure, Tenures } from "./tenures.ts";
import { type SavedUnreported, UnreportedHandlers } from "./unreported.ts";

/** How many are kept to be judged at the end; those that are not are counted. */
export interface SpanLimits {
  /** Pairs of each kind. */
  readonly pairs: number;
  /** Handlers of a message that had one before: these are allowed, and a long run has many. */
  readonly repeated: number;
}

const LIMITS: SpanLimits = { pairs: 10_000, repeated: 100_000 };

/** What handlers have shown, as JSON holds it. */
export interface SavedSpans extends SavedUnreported {
  /** Handlers that overlapped, by their key. */
  readonly overlaps: readonly [string, SpanPair][];
  /** Handlers in the wrong order, by their key. */
  readonly misordered: readonly [string, SpanPair][];
  /** Handlers of a message that had one before, by their key. */
  readonly repeated: readonly [string, SpanPair][];
  /** Handlers that were reported too late. */
  readonly unchecked: readonly SpanPair[];
  /** Who was killed when. */
  readonly killedAtUs: readonly [process: string, atUs: number][];
  /** How many pairs were not kept to be judged. */
  readonly dropped: number;
}

/** All handlers of a run. */
export class HandlerSpans {
  /** Handlers that overlapped, each pair once; {@linkcode judgeOverlaps} tells which of them are no defect. */
  readonly overlaps: Map<string, SpanPair> = new Map();
  /** Handlers of one instance of which the second has the earlier message and came to an end. */
  readonly misordered: Map<string, SpanPair> = new Map();
  /** Handlers that had been begun before for the same message, each with the last one before it. */
  readonly repeated: Map<string, SpanPair> = new Map();
  /** Handlers that were reported so late that there was nothing left to compare them with. */
  readonly unchecked: SpanPair[] = [];
  readonly #pages: Tenures[];
  readonly #unreported = new UnreportedHandlers();
  readonly #killedAtUs = new Map<string, number>();
  readonly #limits: SpanLimits;
  #dropped = 0;

  /**
   * @param partitions how many partitions there are
   * @param limits how many are kept
   */
  constructor(partitions: number, limits: SpanLimits = LIMITS) {
    this.#limits = limits;
    this.#pages = Array.from({ length: partitions }, () => new Tenures());
  }

  /**
   * There are more partitions now.
   *
   * @param partitions how many, with those that there were ever before
   */
  grow(partitions: number): void {
    while (this.#pages.length < partitions) this.#pages.push(new Tenures());
  }

  /** Pairs that were too many to be kept: nobody knows whether one of them is a defect. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Handlers that began and have not reported their end: those at work now, and those that were killed. */
  get unreported(): number {
    return this.#unreported.count;
  }

  /**
   * A handler begins.
   *
   * @param process the worker's process and incarnation
   * @param instance the library's instance in it
   * @param partition the partition
   * @param sequence the message's place in it
   * @param startUs when, in microseconds since 1970
   */
  begun(
    process: string,
    instance: string,
    partition: number,
    sequence: number,
    startUs: number,
  ): void {
    this.#unreported.begun(process, { partition, instance, sequence, startUs });
    this.#addDead(this.#unreported.buried(startUs));
  }

  /**
   * A handler has ended. Reports of different workers may come late and in any order.
   *
   * @param delivery its report
   */
  ended(delivery: Delivery): void {
    const { process, partition, epoch, generation, startUs } = delivery;
    this.#unreported.ended(process, delivery);
    this.#add(partition, `${process} ${delivery.instance} ${epoch}.${generation}`, delivery);
    this.#addDead(this.#unreported.buried(startUs));
  }

  /**
   * A handler's effect was stored. A killed worker's handler had ended by then: whether it had reported that or not, its successor may begin.
   *
   * @param effect the effect; they come in the order in which they were stored
   * @param clockDoubtUs by how much the clock that has stamped it may be behind, in microseconds
   */
  effective(
    effect: Pick<Effect, "process" | "partition" | "sequence" | "startUs" | "storedUs">,
    clockDoubtUs = 0,
  ): void {
    this.#unreported.effective(effect, clockDoubtUs);
  }

  /**
   * A worker was killed: what it handled then, and had had no effect yet, ended then.
   *
   * @param process its name and incarnation
   * @param atUs when, in microseconds since 1970
   */
  killed(process: string, atUs: number): void {
    this.#unreported.killed({ process, atUs });
    this.#killedAtUs.set(process, atUs);
  }

  /**
   * When a worker was killed.
   *
   * @param process its name and incarnation
   * @returns microseconds since 1970; undefined if it was not
   */
  killedAtUs(process: string): number | undefined {
    return this.#killedAtUs.get(process);
  }

  /** No report is to come any more. */
  finish(): void {
    this.#addDead(this.#unreported.allBuried());
  }

  /** What they have shown, as JSON holds it. The handlers that have ended are not in it: whoever goes on from here compares new ones only. */
  save(): SavedSpans {
    return {
      overlaps: [...this.overlaps],
      misordered: [...this.misordered],
      repeated: [...this.repeated],
      unchecked: this.unchecked,
      killedAtUs: [...this.#killedAtUs],
      ...this.#unreported.save(),
      dropped: this.#dropped,
    };
  }

  /**
   * Goes on from there.
   *
   * @param saved what was known
   */
  load(saved: SavedSpans): void {
    for (const name of ["overlaps", "misordered", "repeated"] as const) {
      for (const [key, pair] of saved[name]) this[name].set(key, pair);
    }
    this.unchecked.push(...saved.unchecked);
    for (const [process, atUs] of saved.killedAtUs) this.#killedAtUs.set(process, atUs);
    this.#unreported.load(saved);
    this.#dropped = saved.dropped;
  }

  #addDead(dead: readonly [partition: number, span: Span][]): void {
    for (const [partition, span] of dead) {
      this.#add(partition, `${span.process} ${span.instance} killed`, span);
    }
  }

  #add(partition: number, key: string, from: Span): void {
    const page = this.#pages[partition];
    if (page === undefined) return;
    const { process, instance, sequence, startUs, endUs, rightEndedUs, outcome } = from;
    // A copy: the report itself has more, and there are many.
    const span: Span = {
      ...{ process, instance, sequence, startUs, endUs },
      ...(rightEndedUs === undefined ? {} : { rightEndedUs }),
      ...(outcome === undefined ? {} : { outcome }),
    };
    for (const tenure of page.all) {
      this.#compareTimes(partition, tenure, span);
      this.#compareSequences(partition, tenure, span);
    }
    if (span.startUs < page.forgottenUntilUs - CLOCK_TOLERANCE_US) {
      this.#missed(partition, span, { process: "", startUs: 0, endUs: page.forgottenUntilUs });
    }
    page.add(key, span);
  }

  #compareTimes(partition: number, tenure: Tenure, span: Span): void {
    const { process, spans, fromUs, untilUs, forgottenUntilUs } = tenure;
    // One process has one clock.
    const toleranceUs = process === span.process ? 0 : CLOCK_TOLERANCE_US;
    if (!overlaps(span, fromUs, untilUs, toleranceUs)) return;
    const met = spans.filter((other) =>
      overlaps(span, other.startUs, other.endUs, toleranceUs) && areTwo(span, other)
    );
    for (const other of met) this.#keepPair(this.overlaps, partition, span, other);
    if (met.length === 0 && overlaps(span, fromUs, forgottenUntilUs, toleranceUs)) {
      this.#missed(partition, span, { process, startUs: fromUs, endUs: forgottenUntilUs });
    }
  }

  #compareSequences(partition: number, tenure: Tenure, span: Span): void {
    // Nearly every message is the next one.
    if (span.sequence > tenure.highest && span.startUs >= tenure.lastStartUs) return;
    for (const other of tenure.spans) {
      if (!areTwo(span, other)) continue;
      if (other.sequence === span.sequence) this.#repeats(partition, span, other);
      else if (other.instance === span.instance && isMisordered(span, other)) {
        this.#keepPair(this.misordered, partition, span, other);
      }
    }
  }

  #repeats(partition: number, a: Span, b: Span): void {
    const { first, second } = inOrder(a, b);
    const key = `${partition} ${spanKey(second)}`;
    const known = this.repeated.get(key);
    if (known === undefined && this.repeated.size >= this.#limits.repeated) {
      this.#dropped++;
      return;
    }
    if (known !== undefined && known.first.startUs >= first.startUs) return;
    this.repeated.set(key, { partition, first, second });
  }

  #missed(partition: number, span: Span, other: Pick<Span, "process" | "startUs" | "endUs">): void {
    if (this.unchecked.length >= this.#limits.pairs) {
      this.#dropped++;
      return;
    }
    const unknown = { ...other, instance: "", sequence: 0 };
    this.unchecked.push({ partition, ...inOrder(span, unknown) });
  }

  #keepPair(pairs: Map<string, SpanPair>, partition: number, a: Span, b: Span): void {
    const key = pairKey(partition, a, b);
    if (pairs.has(key) || pairs.size < this.#limits.pairs) {
      pairs.set(key, { partition, ...inOrder(a, b) });
    } else this.#dropped++;
  }
}

/**
 * Whether two reports are of two handlers, and their times are known well enough to be compared: of a process that was killed nobody
 * knows which of its last handlers was still at work.
 */
function areTwo(a: Span, b: Span): boolean {
  if (a.process !== b.process) return true;
  return spanKey(a) !== spanKey(b) && (a.outcome !== undefined || b.outcome !== undefined);
}

/** Whether the earlier message was begun after the later one, and not in vain. */
function isMisordered(a: Span, b: Span): boolean {
  const { first, second } = inOrder(a, b);
  return second.sequence < first.sequence && second.startUs > first.startUs &&
    second.outcome !== undefined && second.outcome !== "failed";
}
