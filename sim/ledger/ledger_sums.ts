/**
 * The sums over all pages of the book.
 *
 * @module
 */
import { clipped, countOf, intersect, IntervalSet, minusBoth } from "./intervals.ts";
import { type LedgerPage, settledBelow } from "./ledger_page.ts";
import type { PassedOver } from "./ledger_types.ts";

/** The sums. */
export interface PageSums {
  /** Messages known to be stored, and those of unknown outcome that turned out to be there. */
  sent: number;
  /** Messages whose outcome nobody knows. */
  unknown: number;
  /** Sequences below a partition's last one that no producer ever sent. */
  holes: number;
  /** Messages that reached a handler. */
  received: number;
  /** Those of them whose handlers nobody reported: their effects tell of them. */
  implied: number;
  /** Messages with an effect. */
  effective: number;
  /** Messages among the dead letters. */
  deadLetters: number;
  /** Sent, not come to their end, and not in the feed any more. */
  lost: number;
  /** Those of them that may have had an effect which was gone before it was read. */
  unread: number;
  /** Sent and not come to their end. */
  missing: number;
  /** Come to their end without having been sent. */
  unexpected: number;
}

/**
 * Adds up.
 *
 * @param pages the pages, by partition
 * @param waiting the sequences still in the feed, by partition; without it nothing is called lost
 * @returns the sums
 */
export function sumPages(
  pages: readonly LedgerPage[],
  waiting: ReadonlyMap<number, IntervalSet> | undefined,
): PageSums {
  const nothing = new IntervalSet();
  const sums: PageSums = {
    ...{ sent: 0, unknown: 0, holes: 0, received: 0, implied: 0 },
    ...{ effective: 0, deadLetters: 0, lost: 0, unread: 0, missing: 0, unexpected: 0 },
  };
  for (const [partition, page] of pages.entries()) {
    const { sent, uncertain, delivered, effective, settled } = page;
    const surprising = countOf(settled.minus(sent));
    const explained = surprising - countOf(minusBoth(settled, sent, uncertain));
    const implied = countOf(effective.minus(delivered));
    sums.sent += sent.size + explained;
    sums.unknown += countOf(minusBoth(uncertain, sent, settled));
    sums.received += delivered.size + implied;
    sums.implied += implied;
    sums.effective += effective.size;
    sums.deadLetters += page.dead.size;
    sums.missing += countOf(sent.minus(settled));
    if (waiting !== undefined) {
      const lost = [...minusBoth(sent, settled, waiting.get(partition) ?? nothing)];
      sums.lost += countOf(lost);
      sums.unread += countOf(intersect(lost, page.unread));
    }
    sums.unexpected += surprising - explained;
    sums.holes += sent.max - sent.size - settledBelow(page);
  }
  return sums;
}

/**
 * What is known at any time.
 *
 * @param pages the pages, by partition
 * @returns the sums that cost little
 */
export function simpleSums(
  pages: readonly LedgerPage[],
): Pick<PageSums, "sent" | "effective" | "deadLetters"> {
  const sum = (of: (page: LedgerPage) => IntervalSet) =>
    pages.reduce((total, page) => total + of(page).size, 0);
  return {
    sent: sum(({ sent }) => sent),
    effective: sum(({ effective }) => effective),
    deadLetters: sum(({ dead }) => dead),
  };
}

/**
 * Messages that were passed over: sent and not come to their end, while a later one of their partition has, and every effect in between
 * was read.
 *
 * @param pages the pages, by partition
 * @returns their sequences by partition, and the sequence of the last one there that has
 */
export function passedOver(pages: readonly LedgerPage[]): Map<number, PassedOver> {
  const found = new Map<number, PassedOver>();
  for (const [partition, { sent, settled, unread }] of pages.entries()) {
    const ranges = clipped(minusBoth(sent, settled, unread), settled.max);
    if (ranges.length > 0) found.set(partition, { ranges, last: settled.max });
  }
  return found;
}
