/**
 * One step of a plan.
 *
 * @module
 */
import type { JsonObject, PlanStep } from "../plan/plan.ts";

/**
 * Makes a step. Times are whole microseconds, which is short to read and more than fine enough.
 *
 * @param id what it is called, unlike any other
 * @param atMs when, in milliseconds
 * @param kind what is done
 * @param args how
 * @returns the step
 */
export function step(id: string, atMs: number, kind: string, args: JsonObject): PlanStep {
  return { id, atMs: Math.round(atMs * 1_000) / 1_000, kind, args };
}
