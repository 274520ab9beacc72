/**
 * How fast it is: each figure beside its limit, measured in the same run.
 *
 * @module
 */
import type { StressCase } from "../case.ts";

/** The cases, from file to file of this folder. */
export const SPEED_CASES: readonly StressCase[] = [];
