/**
 * One partition's page in the book.
 *
 * @module
 */
import { describeRanges, intersect, IntervalSet, minusBoth } from "./intervals.ts";
import type { Defect } from "./ledger_types.ts";
import { OwnershipTracker, type SavedOwnership } from "./ownership.ts";

/** What is known of one partition: sets of sequences, and its owners. */
export interface LedgerPage {
  /** Known to be stored. */
  readonly sent: IntervalSet;
  /** Perhaps stored. */
  readonly uncertain: IntervalSet;
  /** Begun by a handler. */
  readonly delivered: IntervalSet;
  /** Those that have had their effect. */
  readonly effective: IntervalSet;
  /** Those that went to the dead letters. */
  readonly dead: IntervalSet;
  /** Both: those that have come to their end. */
  readonly settled: IntervalSet;
  /** Where later messages came to their end before earlier ones, and when that was; bounded. */
  readonly gaps: { readonly last: number; readonly atUs: number }[];
  /** Those without an effect that may have had one which was gone before it was read. */
  readonly unread: IntervalSet;
  /** How many effects of the run were gone in that way when the last one here was read. */
  missed: number;
  /** Who has written them. */
  readonly ownership: OwnershipTracker;
}

/**
 * A page on which nothing is written.
 *
 * @param missed how many effects of the run were gone before they were read, until now
 */
export function emptyPage(missed = 0): LedgerPage {
  return {
    sent: new IntervalSet(),
    uncertain: new IntervalSet(),
    delivered: new IntervalSet(),
    effective: new IntervalSet(),
    dead: new IntervalSet(),
    settled: new IntervalSet(),
    gaps: [],
    unread: new IntervalSet(),
    missed,
    ownership: new OwnershipTracker(),
  };
}

/** Gaps remembered per partition, the first ones. */
const MAX_GAPS = 100;

/**
 * A message has come to its end: it had its effect, or it went to the dead letters.
 *
 * Effects of a partition come in order, and the stream drops one only for later ones of its partition. So what is missing between two that
 * were read may have had its effect if any were gone between the two, and what is missing after the last one has none.
 *
 * @param page its partition's page
 * @param sequence its sequence
 * @param atUs when, in microseconds since 1970
 * @param missed how many effects of the run were gone before they were read, until then
 */
export function settle(page: LedgerPage, sequence: number, atUs: number, missed: number): void {
  const { settled, gaps, unread } = page;
  const isGap = sequence > settled.max + 1;
  if (isGap && gaps.length < MAX_GAPS) gaps.push({ last: sequence - 1, atUs });
  if (isGap && missed > page.missed) unread.add(settled.max + 1, sequence - 1);
  if (sequence > settled.max) page.missed = missed;
  settled.add(sequence);
}

/** A page as JSON holds it. */
export interface SavedPage {
  /** Its sets, as intervals. */
  readonly sets: Readonly<Record<SetName, [number, number][]>>;
  /** Where later messages came to their end before earlier ones. */
  readonly gaps: LedgerPage["gaps"];
  /** How many effects were gone before they were read when the last one here was. */
  readonly missed: number;
  /** Its owners. */
  readonly ownership: SavedOwnership;
}

const SETS = ["sent", "uncertain", "delivered", "effective", "dead", "unread"] as const;
type SetName = (typeof SETS)[number];

/** A page as JSON holds it. */
export function savePage(page: LedgerPage): SavedPage {
  const sets = Object.fromEntries(SETS.map((name) => [name, [...page[name].ranges()]]));
  const { gaps, missed, ownership } = page;
  return { sets: sets as SavedPage["sets"], gaps, missed, ownership: ownership.save() };
}

/** The page that was saved. */
export function loadPage({ sets, gaps, missed, ownership }: SavedPage): LedgerPage {
  return {
    sent: IntervalSet.of(sets.sent),
    uncertain: IntervalSet.of(sets.uncertain),
    delivered: IntervalSet.of(sets.delivered),
    effective: IntervalSet.of(sets.effective),
    dead: IntervalSet.of(sets.dead),
    settled: IntervalSet.of([...sets.effective, ...sets.dead]),
    gaps: [...gaps],
    unread: IntervalSet.of(sets.unread),
    missed,
    ownership: OwnershipTracker.load(ownership),
  };
}

/** Uncertain sequences below the last known one: settled or not, they are accounted for elsewhere. */
export function settledBelow({ sent, uncertain }: LedgerPage): number {
  let count = 0;
  for (const [first, last] of uncertain.minus(sent)) {
    count += Math.max(0, Math.min(last, sent.max) - first + 1);
  }
  return count;
}

/**
 * What is missing in a partition, or there without having been sent.
 *
 * @param partition the partition
 * @param page its page
 * @param inFeed the sequences that still wait in the feed
 * @param unread those that nobody can call lost
 * @returns at most one defect of each kind
 */
export function missingIn(
  partition: number,
  page: LedgerPage,
  inFeed: IntervalSet,
  unread: IntervalSet,
): Defect[] {
  const { sent, uncertain, settled, gaps } = page;
  const found: Defect[] = [];
  const lost = [...IntervalSet.of(minusBoth(sent, settled, inFeed)).minus(unread)];
  if (lost.length > 0) {
    const detail = `${lossShape(lost, page)}: sequences ${describeRanges(lost)} of 1-${sent.max}`;
    // The first one was passed over when a later one came to its end. A tail shows only when all is over.
    const passed = gaps.find(({ last }) => last >= lost[0]![0]);
    found.push({ kind: "lost", partition, detail, ...(passed && { atUs: passed.atUs }) });
  }
  const stuck = [...intersect([...sent.minus(settled)], inFeed)];
  if (stuck.length > 0) {
    const detail = `sequences ${describeRanges(stuck)} still wait in the feed`;
    found.push({ kind: "undelivered", partition, detail });
  }
  const unsent = [...minusBoth(settled, sent, uncertain)];
  if (unsent.length > 0) {
    const detail = `effects of sequences ${describeRanges(unsent)}, which nobody sent`;
    found.push({ kind: "unexpected", partition, detail });
  }
  return found;
}

/** Which part of the partition is missing; it tells where to look. */
function lossShape(lost: readonly (readonly [number, number])[], page: LedgerPage): string {
  const shapes = new Set(lost.map(([first, last]) => {
    if (first === 1) return last >= page.sent.max ? "everything" : "prefix";
    return last >= page.sent.max ? "tail" : "middle";
  }));
  return [...shapes].join(" and ");
}
