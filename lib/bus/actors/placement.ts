/**
 * Where an actor that is nowhere begins.
 *
 * @module
 */
import type { Random } from "../../ports/random.ts";
import type { Address } from "../names.ts";

/** The ways to choose. */
export const PLACEMENTS = ["local", "random", "least-loaded", "two-choices"] as const;

/**
 * How a node is chosen.
 *
 * - `local`: where the first call comes from
 * - `random`: any
 * - `least-loaded`: where the fewest actors live, as far as the caller knows
 * - `two-choices`: the less loaded of two that are drawn, which does not send everybody to the same one (Mitzenmacher 2001)
 */
export type PlacementName = typeof PLACEMENTS[number];

/** A node to choose. */
export interface Candidate {
  /** Its address. */
  readonly address: Address;
  /** How many actors live there, as far as is known. */
  readonly load: number;
}

/** What a choice is made from. */
export interface PlacementOptions {
  /** The nodes there are. */
  readonly candidates: readonly Candidate[];
  /** Where the call comes from, if actors of that type may live there. */
  readonly own: Address | undefined;
  /** Randomness. */
  readonly random: Random;
}

/**
 * Chooses a node.
 *
 * @param how the way
 * @param options what to choose from
 * @returns one of the candidates, or the caller's own address; undefined if there is neither
 */
export function place(
  how: PlacementName,
  { candidates, own, random }: PlacementOptions,
): Address | undefined {
  if (candidates.length === 0 || how === "local" && own !== undefined) return own;
  const any = (): Candidate => candidates[Math.floor(random.float() * candidates.length)]!;
  switch (how) {
    case "local":
    case "random":
      return any().address;
    case "two-choices":
      return lighter(any(), any()).address;
    case "least-loaded": {
      // Among equals any: or all who know the same would choose the same.
      const least = Math.min(...candidates.map(({ load }) => load));
      const equals = candidates.filter(({ load }) => load === least);
      return equals[Math.floor(random.float() * equals.length)]!.address;
    }
  }
}

function lighter(one: Candidate, other: Candidate): Candidate {
  return other.load < one.load ? other : one;
}
