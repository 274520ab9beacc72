/**
 * What came of hunting planted bugs, as lines for people.
 *
 * @module
 */

import type { Mutant } from "../lib/dst/mutants/mutant.ts";
import { isSmall, SMALL_PLAN } from "../lib/dst/plan/shrink.ts";
import type { Finding, Hunt } from "./dst_mutants_hunt.ts";

/** Half of the bugs are found within so many seeds. */
const MEDIAN_MAX = 100;
/** So many of the plans become small, where there are as many. */
const SMALL_MIN = 25;

/**
 * Says what was found.
 *
 * @param found the finding; undefined if nothing was found, a text if it could not be looked for
 * @returns one line
 */
export function describeFinding(found: Finding | string | undefined): string {
  if (found === undefined) return "NOT FOUND";
  if (typeof found === "string") return `NOT PLANTED: ${found}`;
  const { seed, failure: { kind, check, message } } = found;
  const [first = ""] = message.split("\n");
  return `seed ${seed}, ${kind} "${check}"${leftText(found)}: ${first.slice(0, 160)}`;
}

/**
 * Makes a table.
 *
 * @param hunts what came of each
 * @returns its lines
 */
export function renderHunts(hunts: readonly Hunt[]): string[] {
  const rows = hunts.map(({ mutant, found }) => {
    if (found === undefined) return [mutant.name, "-", "NOT FOUND", ""];
    if (typeof found === "string") return [mutant.name, "-", "NOT PLANTED", ""];
    const { kind, check } = found.failure;
    const by = kind === "assertion" ? check : `${kind}: ${check}`;
    return [mutant.name, String(found.seed), by, leftText(found).slice(2)];
  });
  const table = [["mutant", "seeds", "found by", "smallest plan"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()
  );
}

/**
 * Lists planted bugs; those that are not hunted come last, with the reason.
 *
 * @param mutants the bugs
 * @returns the lines
 */
export function renderList(mutants: readonly Mutant[]): string[] {
  const lineOf = ({ name, file, about }: Mutant): string => `${name}  ${file}\n  ${about}`;
  const withReason = (title: string, reasonOf: (mutant: Mutant) => string | undefined) => {
    const lines = mutants.flatMap((mutant) => {
      const reason = reasonOf(mutant);
      return reason === undefined ? [] : [`${lineOf(mutant)}\n  ${reason}`];
    });
    return lines.length === 0 ? [] : ["", `${title}, and hunted only if named:`, ...lines];
  };
  return [
    ...mutants.filter(({ masked, elusive }) => (masked ?? elusive) === undefined).map(lineOf),
    ...withReason("masked by a second line of defence", ({ masked }) => masked),
    ...withReason("not found yet", ({ elusive }) => elusive),
  ];
}

/**
 * Sums up.
 *
 * @param hunts what came of each
 * @param maxSeeds after how many seeds a hunt was given up
 * @param isShrunk whether their plans were made smaller, too: one that could not be is not small
 * @returns the lines, and whether every bug was found, and as quickly as is promised, and by a plan that a person can read
 */
export function judgeHunts(
  hunts: readonly Hunt[],
  maxSeeds: number,
  isShrunk = false,
): { lines: string[]; isGood: boolean } {
  const seeds = hunts.map(({ found }) => typeof found === "object" ? found.seed : Infinity);
  const foundCount = seeds.filter(Number.isFinite).length;
  const shrunk = hunts.flatMap(({ found }) => typeof found === "object" ? found.left ?? [] : []);
  const small = shrunk.filter(isSmall);
  const median = medianOf(seeds);
  return {
    lines: [
      `${foundCount} of ${hunts.length} found within ${maxSeeds} seeds; median ${
        Number.isFinite(median) ? median : "none"
      }`,
      ...(shrunk.length === 0 ? [] : [
        `${small.length} of ${shrunk.length} plans shrunk to ${SMALL_PLAN.operations} operations and ${SMALL_PLAN.faults} faults or fewer`,
      ]),
    ],
    isGood: foundCount === hunts.length && median <= MEDIAN_MAX &&
      (!isShrunk || small.length >= Math.min(SMALL_MIN, hunts.length)),
  };
}

/**
 * The median.
 *
 * @param values the values; of an even number of them the lower of the two in the middle is taken
 * @returns the one in the middle; NaN if there are none
 */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? NaN;
}

function leftText({ left }: Finding): string {
  return left === undefined ? "" : `, ${left.operations} operations + ${left.faults} faults`;
}
