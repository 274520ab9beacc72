/**
 * The exact book of a run: per partition which sequences were sent, delivered and had their effect, and every way in which
 * the three can disagree.
 *
 * @module
 */
import type { Effect } from "../streams/effect.ts";
import { HandlerSpans, type SavedSpans } from "./handler_spans.ts";
import { handlerDefects, type HandlerVerdict, judgeHandlers } from "./handler_verdict.ts";
import { Impairments, type SavedImpairments } from "./impairments.ts";
import { countOf, IntervalSet } from "./intervals.ts";
import {
  emptyPage,
  type LedgerPage,
  loadPage,
  missingIn,
  type SavedPage,
  savePage,
  settle,
} from "./ledger_page.ts";
import { passedOver, simpleSums, sumPages } from "./ledger_sums.ts";
import type { DeadLetter, Defect, Delivery, LedgerTotals, PassedOver } from "./ledger_types.ts";
import { describeOverlap } from "./overlaps.ts";
import { describeRedelivery } from "./redeliveries.ts";
import { pairKey } from "./spans.ts";

export type {
  DeadLetter,
  Defect,
  DefectKind,
  Delivery,
  LedgerTotals,
  PassedOver,
} from "./ledger_types.ts";

/** Defects written out in full; the rest is only counted. */
const MAX_DEFECTS = 200;

/** The book as JSON holds it. */
export interface SavedLedger {
  /** The partitions. */
  readonly pages: readonly SavedPage[];
  /** What the handlers' times have shown. */
  readonly handlers: SavedSpans;
  /** What happened to processes. */
  readonly impairments: SavedImpairments;
  /** By how much clocks may differ. */
  readonly clockDoubtUs: number;
  /** Defects written out. */
  readonly defects: readonly Defect[];
  /** Overlaps that showed in the effects. */
  readonly overlappedEffects: readonly string[];
  /** Messages out of order that showed in the effects. */
  readonly misorderedEffects: readonly string[];
  /** Counts. */
  readonly counts: Counts;
}

/** What is only counted. */
interface Counts {
  deliveryReports: number;
  duplicateEffects: number;
  outOfOrder: number;
  strangers: number;
  interleavings: number;
  givenUp: number;
  missed: number;
}

/** The book. */
export class Ledger {
  /** Who handled what, from when to when. */
  readonly handlers: HandlerSpans;
  /** When processes could not act: their handlers may overlap with their successors'. */
  readonly impairments: Impairments;
  #pages: LedgerPage[];
  #clockDoubtUs = 0;
  readonly #defects: Defect[] = [];
  /** Overlaps that showed in the effects: the same ones in the handlers' times are not counted again. */
  readonly #overlappedEffects = new Set<string>();
  /** The same for messages out of order. */
  readonly #misorderedEffects = new Set<string>();
  #counts: Counts = {
    deliveryReports: 0,
    duplicateEffects: 0,
    outOfOrder: 0,
    strangers: 0,
    interleavings: 0,
    givenUp: 0,
    missed: 0,
  };

  /**
   * @param partitions how many partitions there are
   * @param leaseUs a worker's lease, in microseconds
   */
  constructor(partitions: number, leaseUs?: number) {
    this.impairments = new Impairments(leaseUs);
    this.handlers = new HandlerSpans(partitions);
    this.#pages = Array.from({ length: partitions }, () => emptyPage());
  }

  /**
   * The clocks by which handlers and effects are compared may differ by more than was known: what is at once by less than that is no defect
   * any more, and nobody can tell whether it is right.
   *
   * @param byUs by how much more, in microseconds
   */
  clocksDiffer(byUs: number): void {
    this.#clockDoubtUs += byUs;
  }

  /**
   * There are more partitions now.
   *
   * @param partitions how many, with those that there were ever before
   */
  grow(partitions: number): void {
    while (this.#pages.length < partitions) {
      this.#pages.push(emptyPage(this.#counts.missed));
    }
    this.handlers.grow(partitions);
  }

  /**
   * A producer knows that the stream has stored these.
   *
   * @param partition the partition
   * @param first the first sequence
   * @param last the last, included
   * @returns how many of them were not known before
   */
  sent(partition: number, first: number, last: number): number {
    return this.#page(partition)?.sent.add(first, last) ?? 0;
  }

  /**
   * A producer has tried to store this and cannot tell whether it is stored.
   *
   * @param partition the partition
   * @param sequence the sequence
   */
  uncertain(partition: number, sequence: number): void {
    this.#page(partition)?.uncertain.add(sequence);
  }

  /**
   * A worker's handler begins. Its end comes with {@linkcode delivered}, unless the worker is killed in between.
   *
   * @param process the worker's process and incarnation
   * @param instance the library's instance in it
   * @param partition the partition
   * @param sequence the sequence
   * @param startUs when, in microseconds since 1970
   */
  begun(
    process: string,
    instance: string,
    partition: number,
    sequence: number,
    startUs: number,
  ): void {
    const page = this.#page(partition);
    if (page === undefined) return;
    page.delivered.add(sequence);
    this.handlers.begun(process, instance, partition, sequence, startUs);
  }

  /**
   * A worker's handler has ended.
   *
   * @param delivery its report
   */
  delivered(delivery: Delivery): void {
    const page = this.#page(delivery.partition);
    if (page === undefined) return;
    this.#counts.deliveryReports++;
    this.handlers.ended(delivery);
    page.delivered.add(delivery.sequence);
  }

  /**
   * Effects were gone before they were read: what lies between those that were may have had its effect all the same.
   *
   * @param total how many, with all before
   */
  missed(total: number): void {
    this.#counts.missed = total;
  }

  /**
   * The next effect in the order of the output stream.
   *
   * @param effect the effect
   * @returns what is wrong with it, so that a run can say so at once
   */
  effective(effect: Effect): Defect[] {
    const { partition, sequence, process, storedUs: atUs } = effect;
    const page = this.#page(partition);
    if (page === undefined) return [this.strange(`partition ${partition} (by ${process})`)];
    const found: Defect[] = [];
    const highest = page.settled.max;
    settle(page, sequence, atUs, this.#counts.missed);
    this.handlers.effective(effect, this.#clockDoubtUs);
    if (page.effective.add(sequence) === 0) {
      this.#counts.duplicateEffects++;
      const by = `sequence ${sequence} by ${process}, again`;
      found.push({ kind: "duplicate", partition, detail: by, atUs });
    } else if (sequence < highest) {
      found.push(this.#misordered(partition, sequence, `by ${process} after ${highest}`, atUs));
    }
    for (const { kind, detail, other } of page.ownership.accept(effect, this.#clockDoubtUs)) {
      this.#counts.interleavings++;
      if (kind === "overlapped") this.#overlappedEffects.add(pairKey(partition, effect, other));
      found.push({ kind: "interleaved", partition, detail: `${kind}: ${detail}`, atUs });
    }
    for (const defect of found) this.#note(defect);
    return found;
  }

  /**
   * A message has gone to the dead letters, in the order of the output stream. Nothing is wrong with one whose handler was made to fail;
   * but it keeps its place among the effects.
   *
   * @param letter the letter
   * @returns what is wrong with it
   */
  deadLettered(letter: DeadLetter): Defect[] {
    const { partition, sequence, poisoned, storedUs: atUs } = letter;
    const page = this.#page(partition);
    if (page === undefined) return [this.strange(`a dead letter of partition ${partition}`)];
    const found: Defect[] = [];
    const highest = page.settled.max;
    settle(page, sequence, atUs, this.#counts.missed);
    if (page.dead.add(sequence) === 0) return found;
    if (!poisoned) {
      this.#counts.givenUp++;
      const detail = `sequence ${sequence}, whose handler did not fail on purpose`;
      found.push({ kind: "given_up", partition, detail, atUs });
    }
    if (sequence < highest) {
      const how = `among the dead letters after ${highest}`;
      found.push(this.#misordered(partition, sequence, how, atUs));
    }
    for (const defect of found) this.#note(defect);
    return found;
  }

  #misordered(partition: number, sequence: number, how: string, atUs: number): Defect {
    this.#counts.outOfOrder++;
    this.#misorderedEffects.add(`${partition} ${sequence}`);
    return { kind: "out_of_order", partition, detail: `sequence ${sequence} ${how}`, atUs };
  }

  /**
   * Something is in the output that belongs to no partition, or cannot be read.
   *
   * @param detail what it is
   * @returns the defect
   */
  strange(detail: string): Defect {
    this.#counts.strangers++;
    const defect: Defect = { kind: "unexpected", partition: -1, detail };
    this.#note(defect);
    return defect;
  }

  /** What is known at any time; the handlers' times are judged in the end. */
  get soFar(): Pick<
    LedgerTotals,
    | "sent"
    | "effective"
    | "deadLetters"
    | "givenUp"
    | "duplicateEffects"
    | "outOfOrder"
    | "interleavings"
  > {
    return {
      ...simpleSums(this.#pages),
      givenUp: this.#counts.givenUp,
      duplicateEffects: this.#counts.duplicateEffects,
      outOfOrder: this.#counts.outOfOrder,
      interleavings: this.#counts.interleavings,
    };
  }

  /** How many messages of each partition are known to be stored, and how many of them reached a handler. */
  get byPartition(): { readonly sent: number; readonly received: number }[] {
    return this.#pages.map(({ sent, delivered, effective }) => ({
      sent: sent.size,
      // A handler that was killed with its worker may not have been reported; its effect shows that it was there.
      received: delivered.size + countOf(effective.minus(delivered)),
    }));
  }

  /**
   * Messages that were passed over: sent, without an effect, while a later one of their partition has had its.
   *
   * @returns their sequences by partition, and the sequence of the last effect there
   */
  passedOver(): Map<number, PassedOver> {
    return passedOver(this.#pages);
  }

  /**
   * The sums as they are now.
   *
   * @param waiting the sequences still in the feed, by partition; what is missing and waits there is undelivered, what is
   * missing and does not is lost. Without it nothing is called lost yet: it may all be under way.
   */
  totals(waiting?: ReadonlyMap<number, IntervalSet>): LedgerTotals {
    const totals = sumPages(this.#pages, waiting);
    // Of more than were missed some are lost for certain.
    const unread = Math.min(totals.unread, this.#counts.missed);
    const deliveries = this.#counts.deliveryReports + this.handlers.unreported + totals.implied;
    const { interleaved, excused, unproven, unchecked, misordered, unexplained } = this.#judged();
    return {
      sent: totals.sent,
      unknown: totals.unknown,
      holes: totals.holes,
      received: totals.received,
      effective: totals.effective,
      deadLetters: totals.deadLetters,
      givenUp: this.#counts.givenUp,
      deliveries,
      redeliveries: deliveries - totals.received,
      unexplainedRedeliveries: unexplained.map(describeRedelivery),
      ...{ lost: totals.lost - unread, unread },
      duplicateEffects: this.#counts.duplicateEffects,
      outOfOrder: this.#counts.outOfOrder + misordered.length,
      unexpected: totals.unexpected + this.#counts.strangers,
      strange: this.#counts.strangers,
      undelivered: totals.missing - totals.lost,
      interleavings: this.#counts.interleavings + interleaved.length,
      excusedOverlaps: excused,
      unprovenOverlaps: unproven.map(describeOverlap),
      uncheckedHandlers: unchecked,
      unkeptHandlers: this.handlers.dropped,
    };
  }

  /**
   * Everything that is wrong, written out.
   *
   * @param waiting the sequences still in the feed, by partition; without it nothing is called missing yet
   * @returns at most {@linkcode MAX_DEFECTS} defects, those seen during the run first
   */
  defects(waiting?: ReadonlyMap<number, IntervalSet>): Defect[] {
    const result = [...this.#defects, ...handlerDefects(this.#judged())];
    if (waiting === undefined) return result.slice(0, MAX_DEFECTS);
    const nothing = new IntervalSet();
    const mayAllBeThere = sumPages(this.#pages, waiting).unread <= this.#counts.missed;
    for (const [partition, page] of this.#pages.entries()) {
      if (result.length >= MAX_DEFECTS) break;
      const unread = mayAllBeThere ? page.unread : nothing;
      result.push(...missingIn(partition, page, waiting.get(partition) ?? nothing, unread));
    }
    return result.slice(0, MAX_DEFECTS);
  }

  /** The book as JSON holds it. */
  save(): SavedLedger {
    return {
      pages: this.#pages.map(savePage),
      handlers: this.handlers.save(),
      impairments: this.impairments.save(),
      clockDoubtUs: this.#clockDoubtUs,
      defects: this.#defects,
      overlappedEffects: [...this.#overlappedEffects],
      misorderedEffects: [...this.#misorderedEffects],
      counts: { ...this.#counts },
    };
  }

  /**
   * Goes on from there; for a book in which nothing is written yet.
   *
   * @param saved the book as it was
   */
  load(saved: SavedLedger): void {
    this.#pages = saved.pages.map(loadPage);
    this.handlers.grow(this.#pages.length);
    this.handlers.load(saved.handlers);
    this.impairments.load(saved.impairments);
    this.#clockDoubtUs = Math.max(this.#clockDoubtUs, saved.clockDoubtUs);
    this.#defects.push(...saved.defects);
    for (const key of saved.overlappedEffects) this.#overlappedEffects.add(key);
    for (const key of saved.misorderedEffects) this.#misorderedEffects.add(key);
    this.#counts = { ...saved.counts };
  }

  #judged(): HandlerVerdict {
    return judgeHandlers(this.handlers, this.impairments, {
      overlapped: this.#overlappedEffects,
      outOfOrder: this.#misorderedEffects,
      isEffective: (partition, sequence) => !!this.#page(partition)?.effective.has(sequence),
    }, this.#clockDoubtUs);
  }

  #page(partition: number): LedgerPage | undefined {
    return this.#pages[partition];
  }

  #note(defect: Defect): void {
    if (this.#defects.length < MAX_DEFECTS) this.#defects.push(defect);
  }
}
