/**
 * What no run may break, whatever its thresholds are.
 *
 * @module
 */
import type { DefectKind, LedgerTotals } from "../ledger/ledger.ts";
import type { SimReport } from "./report.ts";

/** One promise, and how it is told that it was broken. */
export interface Invariant {
  /** What is counted. */
  readonly key:
    | "lost"
    | "duplicateEffects"
    | "outOfOrder"
    | "interleavings"
    | "unexpected"
    | "undelivered"
    | "givenUp";
  /** What such a defect is called where it is written out. */
  readonly kind: DefectKind;
  /** The promise. */
  readonly promise: string;
  /** What stands behind the number if it is not 0. */
  readonly text: string;
}

/** All of them, in the order in which they are told. */
export const INVARIANTS: readonly Invariant[] = [
  {
    key: "lost",
    kind: "lost",
    promise: "no message is lost",
    text: "lost: sent, gone from the feed, and without an effect",
  },
  {
    key: "duplicateEffects",
    kind: "duplicate",
    promise: "no message has its effect twice",
    text: "duplicate effects: a message had its effect more than once",
  },
  {
    key: "outOfOrder",
    kind: "out_of_order",
    promise: "messages of a partition keep their order",
    text: "out of order: its effect or its handler came after a later message's",
  },
  {
    key: "interleavings",
    kind: "interleaved",
    promise: "a partition has one owner at a time",
    text: "interleavings: two owners mixed up, or two handlers at once",
  },
  {
    key: "unexpected",
    kind: "unexpected",
    promise: "no effect comes from nowhere",
    text: "unexpected: effects of messages that nobody sent",
  },
  {
    key: "undelivered",
    kind: "undelivered",
    promise: "every message is handled in the end",
    text: "undelivered: sent, without an effect, still waiting in the feed",
  },
  {
    key: "givenUp",
    kind: "given_up",
    promise: "no message is given up but those that are poisoned",
    text: "given up: among the dead letters, though its handler did not fail on purpose",
  },
];

/**
 * What is broken.
 *
 * @param totals the book's sums
 * @returns a reason for each promise that is
 */
export function brokenInvariants(totals: Pick<LedgerTotals, Invariant["key"]>): string[] {
  return INVARIANTS.filter(({ key }) => totals[key] > 0)
    .map(({ key, text }) => `${totals[key]} ${text}`);
}

/**
 * Why a run failed, as far as one promise is concerned. Of a run that was interrupted not every number above 0 is a defect: the verdict tells.
 *
 * @param invariant the promise
 * @param report the report
 * @returns the reason; undefined if it was not broken
 */
export function brokenBy(invariant: Invariant, report: SimReport): string | undefined {
  const { interleavings } = report.ownership;
  const [reason] = brokenInvariants({
    ...{ lost: 0, duplicateEffects: 0, outOfOrder: 0, interleavings: 0 },
    ...{ unexpected: 0, undelivered: 0, givenUp: 0 },
    [invariant.key]: { ...report.messages, interleavings }[invariant.key],
  });
  return reason !== undefined && report.reasons.includes(reason) ? reason : undefined;
}
