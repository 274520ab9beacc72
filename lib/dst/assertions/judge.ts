/**
 * What many runs say about each assertion: it failed, it was missed, or it passed.
 *
 * @module
 */
import type { Catalog, Declaration } from "./catalog.ts";
import type { MergedTallies, MergedTally } from "./tally.ts";

/** What came of an assertion: `miss` means that nothing was shown, because no run got there. */
export type AssertionVerdict = "pass" | "miss" | "fail";

/** One line of a report. */
export interface JudgedAssertion {
  /** Its name. */
  readonly name: string;
  /** What it demands. */
  readonly kind: Declaration["kind"];
  /** What it means. */
  readonly about: string;
  /** The bound of a number; null without one. */
  readonly bound: number | null;
  /** What came of it. */
  readonly verdict: AssertionVerdict;
  /** Why it is not `pass`; empty if it is. */
  readonly why: string;
  /** What it saw. */
  readonly tally: MergedTally;
  /** The keys that no run saw. */
  readonly missingKeys: readonly string[];
  /** How many keys are declared; 0 if it has none. */
  readonly keyCount: number;
}

/** Kinds that say how far runs get, and not what has to hold: of these a few seeds may miss some. */
const REACHED_BY_MORE_SEEDS: ReadonlySet<Declaration["kind"]> = new Set([
  "sometimes",
  "reachable",
  "sometimesAtLeast",
  "sometimesEach",
]);

/**
 * Tells whether more seeds are all that a miss needs. One of the others is a promise that nobody has looked at: whoever evaluates it was
 * removed or broken, and a broken promise would pass.
 *
 * @param judged a judgement
 * @returns true if it is a miss that a campaign of few seeds may have
 */
export function isMissOfReach({ verdict, kind }: JudgedAssertion): boolean {
  return verdict === "miss" && REACHED_BY_MORE_SEEDS.has(kind);
}

/**
 * Judges all assertions of a catalog.
 *
 * @param catalog what is declared
 * @param tallies what the runs saw
 * @returns one judgement per declaration, in its order
 */
export function judge(catalog: Catalog, tallies: MergedTallies): JudgedAssertion[] {
  return Object.entries(catalog).map(([name, declaration]) =>
    judgeOne(name, declaration, tallies[name] ?? NOTHING)
  );
}

/**
 * Tells whether nothing is missed any more.
 *
 * @param catalog what is declared
 * @param tallies what the runs saw
 * @returns true if every assertion was reached that has to be
 */
export function isCovered(catalog: Catalog, tallies: MergedTallies): boolean {
  return Object.entries(catalog).every(([name, declaration]) =>
    missOf(declaration, tallies[name] ?? NOTHING) === ""
  );
}

const NOTHING: MergedTally = {
  evaluated: 0,
  held: 0,
  notHeld: 0,
  firstSeed: null,
  watermark: null,
  watermarkSeed: null,
  keys: {},
};

function judgeOne(name: string, declaration: Declaration, tally: MergedTally): JudgedAssertion {
  const failed = failureOf(declaration, tally);
  const missed = missOf(declaration, tally);
  return {
    name,
    kind: declaration.kind,
    about: declaration.about,
    bound: "bound" in declaration ? declaration.bound : null,
    verdict: failed !== "" ? "fail" : missed !== "" ? "miss" : "pass",
    why: failed || missed,
    tally,
    missingKeys: missingKeys(declaration, tally),
    keyCount: declaration.kind === "sometimesEach" ? declaration.keys.length : 0,
  };
}

function failureOf({ kind }: Declaration, { notHeld }: MergedTally): string {
  if (notHeld === 0 || kind === "sometimes" || kind === "sometimesAtLeast") return "";
  if (kind === "unreachable") return `reached ${notHeld}×`;
  if (kind === "sometimesEach") return `${notHeld}× a key that is not declared`;
  return `broken ${notHeld}×`;
}

function missOf(declaration: Declaration, tally: MergedTally): string {
  switch (declaration.kind) {
    case "alwaysOrUnreachable":
    case "unreachable":
      return "";
    case "sometimes":
      return tally.held > 0 ? "" : `never true, evaluated ${tally.evaluated}×`;
    case "sometimesAtLeast":
      if (tally.held > 0) return "";
      return tally.watermark === null
        ? "never evaluated"
        : `best ${tally.watermark} of ${declaration.bound}`;
    case "sometimesEach": {
      const missing = missingKeys(declaration, tally).length;
      return missing === 0 ? "" : `${missing} of ${declaration.keys.length} never seen`;
    }
    default:
      return tally.evaluated > 0 ? "" : "never evaluated";
  }
}

function missingKeys(declaration: Declaration, tally: MergedTally): string[] {
  if (declaration.kind !== "sometimesEach") return [];
  return declaration.keys.filter((key) => !Object.hasOwn(tally.keys, key));
}
