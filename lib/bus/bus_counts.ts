/**
 * What has happened on a node's bus.
 *
 * @module
 */

/** Counters; none ever sinks. */
export interface BusCounts {
  /** Calls that waited for an answer. */
  issued: number;
  /** Those that have had their outcome. */
  settled: number;
  /** Answers for which nobody waited any more: late ones and second ones. */
  orphans: number;
  /** One-way calls. */
  told: number;
  /** Further tries of calls with a key. */
  retries: number;
  /** Calls that came. */
  received: number;
  /** Calls that were sent on to another node. */
  forwarded: number;
  /** Calls that no handler here has seen. */
  refused: number;
  /** Calls whose handler or actor threw, or whose actor could not begin for that. */
  failed: number;
  /** What came and was no message. */
  malformed: number;
}

/** Nothing has happened yet. */
export function newCounts(): BusCounts {
  return {
    ...{ issued: 0, settled: 0, orphans: 0, told: 0, retries: 0 },
    ...{ received: 0, forwarded: 0, refused: 0, failed: 0, malformed: 0 },
  };
}
