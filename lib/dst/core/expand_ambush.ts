/**
 * Draws ambushes: in which state somebody is struck, and how.
 *
 * @module
 */
import type { ManagerState } from "../../manager/state.ts";
import type { Draws } from "../draw.ts";
import type { JsonObject } from "../plan/plan.ts";
import { drawDoubtMs } from "./expand_requests.ts";

/** States worth striking in. Those that are short or rare are met by nothing else. */
const STATES: readonly ManagerState[] = [
  "ClaimingID",
  "WaitingAssignment",
  "Scaling",
  "Scaling",
  "Rebalancing",
  "Emergency",
  "Emergency",
  "Degraded",
];
/** What strikes. */
const ACTS = ["crash", "pause", "cut", "block", "block", "doubt", "doubt"] as const;

/**
 * Draws when somebody is struck.
 *
 * @param draws where the numbers come from
 * @param hasElection whether being in an election takes a while
 * @returns the arguments of a step
 */
export function drawMoment(draws: Draws, hasElection: boolean): JsonObject {
  const isElection = draws.chance(0.5) && hasElection;
  const isInit = draws.chance(0.05);
  const state = draws.pick(STATES);
  return {
    state: isElection ? "Election" : isInit ? "Init" : state,
    delayMs: draws.pick([0, 0, 1, 10, 100, 1_000]) * draws.between(0.5, 1.5),
  };
}

/**
 * Draws an ambush.
 *
 * @param draws where the numbers come from
 * @param hasElection whether being in an election takes a while
 * @param forMs how long what strikes lasts, if it does, in milliseconds
 * @returns kind and arguments of a step
 */
export function drawAmbush(
  draws: Draws,
  hasElection: boolean,
  forMs: number,
): { readonly kind: string; readonly args: JsonObject } {
  if (draws.chance(0.15)) {
    return { kind: "heir", args: { delayMs: draws.between(0, 20), forMs: 4_000 } };
  }
  const moment = drawMoment(draws, hasElection);
  const direction = draws.pick(["both", "both", "up", "down"]);
  const act = draws.pick(ACTS);
  const lastsMs = act === "doubt" ? drawDoubtMs(draws) : forMs;
  return { kind: "ambush", args: { ...moment, act, direction, forMs: lastsMs } };
}
