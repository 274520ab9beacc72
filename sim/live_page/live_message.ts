/**
 * What the page is told, once a second: `browser/` reads this.
 *
 * @module
 */
import type { SimReport, Verdict } from "../report/report.ts";

/** What does not change while a run goes on. */
export interface LiveFacts {
  /** The run. */
  readonly runId: string;
  /** Its seed. */
  readonly seed: number;
  /** Its configuration's file. */
  readonly configFile: string;
  /** Partitions in the beginning. */
  readonly partitions: number;
  /** Workers in the beginning. */
  readonly workers: number;
  /** By what partitions are shared. */
  readonly strategy: string;
  /** A defect that was planted on purpose, if any. */
  readonly fault: string | null;
}

/** How the run stands. */
export interface LiveStatus {
  /** What it is doing, such as `load`. */
  readonly phase: string;
  /** How long there has been load, and is to be, in milliseconds. */
  readonly elapsedMs: number;
  /** See `elapsedMs`. */
  readonly durationMs: number;
  /** What can be said of the verdict by now. */
  readonly verdict: Verdict;
  /** Why it is not `pass`. */
  readonly reasons: readonly string[];
  /** Counts of messages. */
  readonly sent: number;
  /** Messages with their effect. */
  readonly effective: number;
  /** Messages that were passed over: a later one of their partition has had its effect. */
  readonly gaps: number;
  /** Those of them that are lost for good. */
  readonly lost: number;
  /** Effects of messages that had one. */
  readonly duplicates: number;
  /** Effects that came after that of a later message. */
  readonly outOfOrder: number;
  /** Times at which two owners were mixed up. */
  readonly interleavings: number;
  /** Workers that run. */
  readonly workers: number;
  /** Workers that are Stable. */
  readonly stable: number;
  /** Who leads; empty for nobody. */
  readonly leader: string;
  /** Partitions that are on their way. */
  readonly moving: number;
  /** Partitions that nobody has. */
  readonly unowned: number;
}

/** A worker. */
export interface LiveWorker {
  /** Its name, such as `worker-4`. */
  readonly name: string;
  /** Its place among the names of owners. */
  readonly number: number;
  /** The library's state, such as `Stable`, or what has become of its process. */
  readonly state: string;
  /** Whether its process runs and is wanted. */
  readonly runs: boolean;
  /** Whether it leads. */
  readonly leads: boolean;
  /** Partitions it has. */
  readonly partitions: number;
  /** Effects it has written, all its incarnations together. */
  readonly handled: number;
  /** Its memory. */
  readonly rssBytes: number;
}

/** A chaos event. */
export interface LiveEvent {
  /** Its number in the plan, from 1, by which all else names it; one that waits for its moment may come after later ones. */
  readonly number: number;
  /** When, in seconds since the load began. */
  readonly at: number;
  /** When all was well again; null while it is not, or if that was never seen. */
  readonly until: number | null;
  /** What. */
  readonly type: string;
  /** Whom it hit. */
  readonly target: string;
  /** Whether the group is being waited for. */
  readonly open: boolean;
  /** Why nothing was done, if nothing was. */
  readonly skipped: string | null;
  /** Why it failed, if it did. */
  readonly failed: string | null;
}

/** Something that was said. */
export interface LiveWords {
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** What kind, such as `CHAOS`. */
  readonly tag: string;
  /** What. */
  readonly text: string;
}

/** Changes of owners from some place on. */
export interface LiveOwnerChanges {
  /** How many partitions there are. */
  readonly partitions: number;
  /** Those of them that were taken out of the group: nobody is to have them. */
  readonly removed: readonly number[];
  /** Names that have come since; an owner is told by its place among all of them. */
  readonly names: readonly string[];
  /** When, in seconds since the load began. */
  readonly at: readonly number[];
  /** Which partition. */
  readonly partition: readonly number[];
  /** Whose it is from then on; -1 for nobody's. */
  readonly owner: readonly number[];
}

/** One message. */
export interface LiveMessage {
  /** Given if this is all of it: what was told before is to be forgotten. */
  readonly facts?: LiveFacts;
  /** How it stands. */
  readonly status: LiveStatus;
  /** The beginning of the run and the last sample's end, in seconds since the load began. */
  readonly range: readonly [number, number];
  /** Samples from this one on. */
  readonly samples: {
    readonly from: number;
    readonly columns: Readonly<Record<string, readonly (number | null)[]>>;
  };
  /** Changes of owners that are new. */
  readonly owners: LiveOwnerChanges;
  /** Chaos events that are new, or have changed. */
  readonly events: readonly LiveEvent[];
  /** All workers. */
  readonly workers: readonly LiveWorker[];
  /** What was said since. */
  readonly log: readonly LiveWords[];
  /** Given when the run has ended. */
  readonly end?: Pick<SimReport, "verdict" | "reasons">;
}
