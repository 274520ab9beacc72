/**
 * What goes into the ledger and what comes out of it.
 *
 * @module
 */

import type { Excuse } from "./impairments.ts";

/** One start of a handler, as a worker reports it. */
export interface Delivery {
  /** The partition. */
  readonly partition: number;
  /** The message's place in the partition. */
  readonly sequence: number;
  /** The worker's process and incarnation. */
  readonly process: string;
  /** The library's instance. */
  readonly instance: string;
  /** The epoch of the ownership. */
  readonly epoch: number;
  /** The generation of the ownership. */
  readonly generation: number;
  /** The message's place in the feed. */
  readonly streamSequence: number;
  /** The delivery's number by its consumer's count. */
  readonly deliveryCount: number;
  /** When the handler began, in microseconds since 1970. */
  readonly startUs: number;
  /** When the handler ended, in microseconds since 1970. */
  readonly endUs: number;
  /** When the library told the handler to stop, if that was before its end, in microseconds since 1970. */
  readonly rightEndedUs?: number;
  /** What came of it. */
  readonly outcome: "written" | "already" | "failed";
}

/** Every way in which a run can be wrong. */
export type DefectKind =
  | "lost"
  | "undelivered"
  | "duplicate"
  | "out_of_order"
  | "unexpected"
  | "interleaved"
  | "given_up";

/** A message that the library has put among the dead letters. */
export interface DeadLetter {
  /** The partition. */
  readonly partition: number;
  /** The message's place in the partition. */
  readonly sequence: number;
  /** Whether its handler was made to fail on purpose. */
  readonly poisoned: boolean;
  /** When the letter was stored, in microseconds since 1970. */
  readonly storedUs: number;
}

/** One thing that is wrong. */
export interface Defect {
  /** What. */
  readonly kind: DefectKind;
  /** Where; -1 if no partition can be named. */
  readonly partition: number;
  /** One sentence for people. */
  readonly detail: string;
  /** When it showed, in microseconds since 1970, if that is known. */
  readonly atUs?: number;
}

/** The sums of the book. */
export interface LedgerTotals {
  /** Messages acknowledged by the stream, and those of unknown outcome that turned out to be there. */
  readonly sent: number;
  /** Messages whose outcome nobody knows: neither acknowledged nor seen. */
  readonly unknown: number;
  /** Sequences below a partition's last one that no producer ever sent: a producer's mistake. */
  readonly holes: number;
  /** Messages that reached a handler, each counted once. */
  readonly received: number;
  /** Messages that had their effect, each counted once. */
  readonly effective: number;
  /** Starts of handlers, also those that were killed before their end. */
  readonly deliveries: number;
  /** Starts of handlers for messages that had reached one before. Allowed. */
  readonly redeliveries: number;
  /** Those of them that nothing in the run explains, in words. Allowed, but a reason to look. */
  readonly unexplainedRedeliveries: readonly string[];
  /** Messages that went to the dead letters, each counted once; they have no effect. */
  readonly deadLetters: number;
  /** Those of them whose handler did not fail on purpose. */
  readonly givenUp: number;
  /** Sent, no effect, no dead letter, and no longer in the feed. */
  readonly lost: number;
  /** The same where its effect may be among those that were gone before they were read. Nobody can tell whether it is lost. */
  readonly unread: number;
  /** Effects of a message that had one already. */
  readonly duplicateEffects: number;
  /** Messages whose effect came after that of a later one, or that were begun after a later one. */
  readonly outOfOrder: number;
  /** Effects of messages that nobody sent, and what is strange. */
  readonly unexpected: number;
  /** What is in the output and belongs to no partition, or cannot be read. */
  readonly strange: number;
  /** Sent, no effect, still in the feed. */
  readonly undelivered: number;
  /** Times at which two owners were mixed up in one partition, or two handlers were at work in it at once. */
  readonly interleavings: number;
  /** Times at which two handlers were at work in one partition because one of them could not know better. Allowed. */
  readonly excusedOverlaps: Readonly<Record<Excuse, number>>;
  /** The same where only a worker's own word speaks for that, or clocks may differ by as much, in words. Nobody can tell whether they are allowed. */
  readonly unprovenOverlaps: readonly string[];
  /** Handlers that were reported too late to be compared with others. */
  readonly uncheckedHandlers: number;
  /** Pairs of handlers that may be a defect and were too many to be kept until they are judged. */
  readonly unkeptHandlers: number;
}

/** Messages of one partition that had no effect although a later one had; none of them can have had one that was gone before it was read. */
export interface PassedOver {
  /** Their sequences, as ranges. */
  readonly ranges: readonly (readonly [number, number])[];
  /** The highest sequence with an effect. */
  readonly last: number;
}
