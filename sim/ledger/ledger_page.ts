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
  /** Who has written them. */
  readonly ownership: OwnershipTracker;
}

/** A page on which nothing is written. */
export function emptyPage(): LedgerPage {
  return {
    sent: new IntervalSet(),
    uncertain: new IntervalSet(),
    delivered: new IntervalSet(),
    effective: new IntervalSet(),
    ownership: new OwnershipTracker(),
  };
}

/** A page as JSON holds it. */
export interface SavedPage {
  /** Its sets, as intervals. */
  readonly sets: Readonly<Record<SetName, [number, number][]>>;
  /** Its owners. */
  readonly ownership: SavedOwnership;
}

const SETS = ["sent", "uncertain", "delivered", "effective"] as const;
type SetName = (typeof SETS)[number];

/** A page as JSON holds it. */
export function savePage(page: LedgerPage): SavedPage {
  const sets = Object.fromEntries(SETS.map((name) => [name, [...page[name].ranges()]]));
  return { sets: sets as SavedPage["sets"], ownership: page.ownership.save() };
}

/** The page that was saved. */
export function loadPage({ sets, ownership }: SavedPage): LedgerPage {
  return {
    sent: IntervalSet.of(sets.sent),
    uncertain: IntervalSet.of(sets.uncertain),
    delivered: IntervalSet.of(sets.delivered),
    effective: IntervalSet.of(sets.effective),
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
 * @returns at most one defect of each kind
 */
export function missingIn(partition: number, page: LedgerPage, inFeed: IntervalSet): Defect[] {
  const { sent, uncertain, effective } = page;
  const found: Defect[] = [];
  const lost = [...minusBoth(sent, effective, inFeed)];
  if (lost.length > 0) {
    const detail = `${lossShape(lost, page)}: sequences ${describeRanges(lost)} of 1-${sent.max}`;
    found.push({ kind: "lost", partition, detail });
  }
  const stuck = [...intersect([...sent.minus(effective)], inFeed)];
  if (stuck.length > 0) {
    const detail = `sequences ${describeRanges(stuck)} still wait in the feed`;
    found.push({ kind: "undelivered", partition, detail });
  }
  const unsent = [...minusBoth(effective, sent, uncertain)];
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
