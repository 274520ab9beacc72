/**
 * Swarm testing: each family of faults is on or off for a whole run. A bug that needs many crashes and no partition is found by the runs
 * that have exactly that, not by runs that have a little of everything.
 *
 * @module
 */
import type { DrawsFor } from "../workload.ts";

/** How many families are on in a run. */
const FAMILY_PROBABILITY = 0.5;

/**
 * Draws which fault families are on. Each is drawn by its own name: another family more or less changes nothing, and that all are off
 * happens as well.
 *
 * @param draws the draws of the seed
 * @param families their names
 * @returns each family, on or off
 */
export function drawSwarm(
  draws: DrawsFor,
  families: readonly string[],
): Record<string, boolean> {
  return Object.fromEntries(
    families.map((family) => [family, draws("swarm", family).chance(FAMILY_PROBABILITY)]),
  );
}
