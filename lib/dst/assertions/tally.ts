/**
 * What assertions saw: in one run, and merged over many. Plain data, so that it travels between processes; merging gives the same
 * whatever the order in which the runs ended.
 *
 * @module
 */
import type { Catalog, Declaration } from "./catalog.ts";

/** What one assertion saw in one run. */
export interface Tally {
  /** How often it was evaluated. */
  evaluated: number;
  /** How often it held. */
  held: number;
  /** How often it did not. */
  notHeld: number;
  /** The number nearest to, or farthest beyond, the bound; null without one. */
  watermark: number | null;
  /** How often each key was seen, of those seen at all. */
  keys: Record<string, number>;
}

/** What all assertions saw in one run, by name. */
export type Tallies = Record<string, Tally>;

/** What was seen of a key in many runs. */
export interface MergedKey {
  /** How often. */
  count: number;
  /** The least seed in which it was. */
  firstSeed: number;
}

/** What one assertion saw in many runs. */
export interface MergedTally {
  /** How often it was evaluated. */
  evaluated: number;
  /** How often it held. */
  held: number;
  /** How often it did not. */
  notHeld: number;
  /** The least seed that reached it: evaluated it, or made it hold if it is a `sometimes`; null if none did. */
  firstSeed: number | null;
  /** The number nearest to, or farthest beyond, the bound; null without one. */
  watermark: number | null;
  /** The least seed with that number. */
  watermarkSeed: number | null;
  /** The keys seen. */
  keys: Record<string, MergedKey>;
}

/** What all assertions saw in many runs, by name. */
export type MergedTallies = Record<string, MergedTally>;

/**
 * A tally of nothing.
 *
 * @returns zeros
 */
export function emptyTally(): Tally {
  return { evaluated: 0, held: 0, notHeld: 0, watermark: null, keys: {} };
}

/**
 * Tallies of nothing.
 *
 * @param catalog what is declared
 * @returns zeros for each name, so that what is never reached is there to be seen
 */
export function emptyMerged(catalog: Catalog): MergedTallies {
  const none = () => ({
    ...emptyTally(),
    firstSeed: null,
    watermarkSeed: null,
    keys: {},
  });
  return Object.fromEntries(Object.keys(catalog).map((name) => [name, none()]));
}

/**
 * Turns what a run saw into the form that merges.
 *
 * @param catalog what is declared
 * @param seed the run's seed
 * @param tallies what it saw
 * @returns the same, as of many runs
 */
export function asMerged(catalog: Catalog, seed: number, tallies: Tallies): MergedTallies {
  const merged = emptyMerged(catalog);
  for (const [name, tally] of Object.entries(tallies)) {
    const declaration = catalog[name];
    if (declaration === undefined) continue;
    merged[name] = {
      ...tally,
      firstSeed: isReached(declaration, tally) ? seed : null,
      watermarkSeed: tally.watermark === null ? null : seed,
      keys: Object.fromEntries(
        Object.entries(tally.keys).map(([key, count]) => [key, { count, firstSeed: seed }]),
      ),
    };
  }
  return merged;
}

/**
 * Puts the tallies of two sets of runs together.
 *
 * @param catalog what is declared
 * @param a one set
 * @param b another set, of other runs
 * @returns both
 */
export function mergeTallies(catalog: Catalog, a: MergedTallies, b: MergedTallies): MergedTallies {
  const merged = emptyMerged(catalog);
  for (const [name, declaration] of Object.entries(catalog)) {
    const [one, other] = [a[name], b[name]];
    if (one === undefined || other === undefined) merged[name] = one ?? other ?? merged[name]!;
    else merged[name] = mergeTally(declaration, one, other);
  }
  return merged;
}

/**
 * Tells which of two numbers a watermark shows.
 *
 * @param kind of the assertion
 * @param a a number, or null if there is none yet
 * @param b a number, or null if there is none yet
 * @returns the lower for a lower bound that always holds, else the higher
 */
export function beyond(
  kind: Declaration["kind"],
  a: number | null,
  b: number | null,
): number | null {
  if (a === null || b === null) return a ?? b;
  return kind === "alwaysAtLeast" ? Math.min(a, b) : Math.max(a, b);
}

function mergeTally(declaration: Declaration, a: MergedTally, b: MergedTally): MergedTally {
  const watermark = beyond(declaration.kind, a.watermark, b.watermark);
  const seedOf = (tally: MergedTally) => tally.watermark === watermark ? tally.watermarkSeed : null;
  return {
    evaluated: a.evaluated + b.evaluated,
    held: a.held + b.held,
    notHeld: a.notHeld + b.notHeld,
    firstSeed: least(a.firstSeed, b.firstSeed),
    watermark,
    watermarkSeed: least(seedOf(a), seedOf(b)),
    keys: mergeKeys(a.keys, b.keys),
  };
}

function mergeKeys(
  a: Readonly<Record<string, MergedKey>>,
  b: Readonly<Record<string, MergedKey>>,
): Record<string, MergedKey> {
  const merged = { ...a };
  for (const [key, seen] of Object.entries(b)) {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    merged[key] = before === undefined ? seen : {
      count: before.count + seen.count,
      firstSeed: Math.min(before.firstSeed, seen.firstSeed),
    };
  }
  return merged;
}

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? a ?? b : Math.min(a, b);
}

/** A `sometimes` that was looked at and did not hold has not been reached. */
function isReached({ kind }: Declaration, tally: Tally): boolean {
  const mustHold = kind === "sometimes" || kind === "sometimesAtLeast";
  return (mustHold ? tally.held : tally.evaluated) > 0;
}
