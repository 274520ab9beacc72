/**
 * Draws ambushes: in which state somebody is struck, and how.
 *
 * @module
 */
import type { ManagerState } from "../../manager/state.ts";
import type { Draws } from "../draw.ts";
import type { JsonObject, PlanStep } from "../plan/plan.ts";
import { drawDoubtMs } from "./expand_requests.ts";
import { step } from "./expand_step.ts";
import type { CoreParameters } from "./parameters.ts";

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
const ACTS = ["crash", "pause", "cut", "block", "block", "doubt", "doubt", "deaf"] as const;

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
  const moved = draws.chance(0.12) ? draws.pick(["heir", "loser"]) : undefined;
  const state = draws.pick(STATES);
  return {
    state: isElection ? "Election" : isInit ? "Init" : moved ?? state,
    delayMs: draws.pick([0, 0, 1, 10, 100, 1_000]) * draws.between(0.5, 1.5),
  };
}

/** What an ambush is drawn with. */
export interface AmbushOptions {
  /** What the steps are called, and what their names begin with. */
  readonly id: string;
  /** When somebody lies in wait, in milliseconds. */
  readonly atMs: number;
  /** What the run is like. */
  readonly parameters: Pick<CoreParameters, "electionMaxMs" | "latencyMaxMs" | "nameLength">;
  /** How long what strikes lasts, if it does, in milliseconds. */
  readonly forMs: number;
}

/**
 * Draws an ambush.
 *
 * @param draws where the numbers come from
 * @param options what it is drawn with
 * @returns its steps
 */
export function drawAmbush(
  draws: Draws,
  { id, atMs, parameters, forMs }: AmbushOptions,
): PlanStep[] {
  const which = draws.float();
  const { electionMaxMs, nameLength } = parameters;
  if (which < 0.12) {
    return [step(id, atMs, "heir", { delayMs: draws.between(0, 20), forMs: 4_000 })];
  }
  if (which < 0.28) {
    const fill = step(`${id}-fill`, atMs, "fill", {});
    return [
      fill,
      ...drawTugOfWar(draws, parameters.latencyMaxMs)
        .map(([kind, args], i) => step(`${id}-${i}`, atMs, kind, args)),
    ];
  }
  // An assignment in parts is what a run with long names is for.
  if (which < (nameLength > 0 ? 0.8 : 0.42)) {
    return [step(id, atMs, "ambush", drawDoubtfulWrite(draws, parameters.latencyMaxMs))];
  }
  const moment = drawMoment(draws, electionMaxMs > 0);
  const direction = draws.pick(["both", "both", "up", "down"]);
  const act = draws.pick(ACTS);
  const lastsMs = act === "doubt" || act === "deaf" ? drawDoubtMs(draws) : forMs;
  return [step(id, atMs, "ambush", { ...moment, act, direction, forMs: lastsMs })];
}

/**
 * The leader writes an assignment, and does not know whether it has. One in parts takes a round trip for the parts and then one for what
 * points to them.
 */
function drawDoubtfulWrite(draws: Draws, latencyMaxMs: number): JsonObject {
  return {
    state: draws.pick(["Rebalancing", "Rebalancing", "Emergency"]),
    delayMs: draws.chance(0.4) ? 0 : draws.between(0.3, 2) * latencyMaxMs,
    act: "doubt",
    direction: "both",
    forMs: drawDoubtMs(draws),
  };
}

/**
 * A newcomer is given partitions and gives them back at once to somebody who is still letting go of them: because it leaves before it has heard
 * of them, or because it dies while the other one gets no answer.
 */
function drawTugOfWar(draws: Draws, latencyMaxMs: number): readonly [string, JsonObject][] {
  if (draws.chance(0.6)) {
    const delayMs = draws.chance(0.5) ? 0 : draws.between(0, 3) * latencyMaxMs;
    return [["stop-when", { state: "heir", delayMs }]];
  }
  const strike = { act: "doubt", direction: "both", forMs: draws.between(2_000, 8_000) };
  const delayMs = draws.pick([0, 10, 500, 1_500]) * draws.between(0.5, 1.5);
  const act = draws.pick(["crash", "crash", "cut", "block"]);
  return [
    ["ambush", { state: "loser", delayMs: 0, ...strike }],
    ["ambush", { state: "heir", delayMs, ...strike, act }],
  ];
}
