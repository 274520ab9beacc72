/**
 * Draws what goes wrong with requests to the server: for everybody by chance, or for one worker in a way that leads to a verdict on it, or
 * to a write of which it does not know whether it was done.
 *
 * @module
 */
import type { Draws } from "../draw.ts";
import { drawFaults, strikingFaults } from "../nats/faults.ts";
import type { PlanStep } from "../plan/plan.ts";
import { step } from "./expand_step.ts";

/** What such a fault is drawn with. */
export interface RequestFaultOptions {
  /** What the steps are called, and what their names begin with. */
  readonly id: string;
  /** When, in milliseconds. */
  readonly atMs: number;
  /** Whom it strikes, unless it strikes everybody. */
  readonly node: number | "leader";
  /** How long it lasts, if nothing else says so, in milliseconds. */
  readonly forMs: number;
  /** How many workers there may be. */
  readonly maxWorkers: number;
}

/** How likely it is by chance and for everybody. */
const BY_CHANCE = 0.5;
/** How late the answer to a renewal is at most, as a share of how long the lease lasts: one that is later finds it over. */
const LATE_MAX = 0.6;

/**
 * Draws a fault.
 *
 * @param draws where the numbers come from
 * @param options what it is drawn with
 * @returns its steps
 */
export function drawRequestFault(draws: Draws, options: RequestFaultOptions): PlanStep[] {
  const { id, atMs, node, forMs } = options;
  if (draws.chance(BY_CHANCE)) {
    const faults = strikingFaults(drawFaults(draws));
    return [step(id, atMs, "nats-faults", { forMs: forMs * 3, faults })];
  }
  if (draws.chance(0.35)) {
    const kind = draws.pick(["doubt", "deaf"]);
    return [step(id, atMs, kind, { node, forMs: drawDoubtMs(draws) })];
  }
  if (typeof node === "number" && draws.chance(0.3)) {
    return drawLateVerdict(draws, { ...options, node });
  }
  return draws.chance(0.75) ? drawOvertaken(draws, options) : [drawMute(draws, options)];
}

/**
 * Draws how long somebody is told nothing, or hears of nothing: short enough to keep a lease, or longer than a call to the server is waited for.
 *
 * @param draws where the numbers come from
 * @returns how long, in milliseconds
 */
export function drawDoubtMs(draws: Draws): number {
  return draws.pick([300, 1_000, 4_000, 8_000]) * draws.between(0.5, 1.5);
}

/** The leader finds somebody dead and cannot carry it out, and before it can the other one is back. */
function drawLateVerdict(
  draws: Draws,
  { id, atMs, node }: RequestFaultOptions & { readonly node: number },
): PlanStep[] {
  const block = { node, direction: "down", forMs: draws.between(3_000, 4_000) };
  const mute = { node: "leader", late: 0, forMs: draws.between(1_500, 2_500) };
  return [
    step(id, atMs, "block", block),
    step(`${id}-mute`, atMs + draws.between(0, 1_000), "mute", mute),
  ];
}

/** Somebody hears of its last renewal late, and then can renew no more. */
function drawMute(draws: Draws, { id, atMs, node }: RequestFaultOptions): PlanStep {
  const late = draws.between(0, LATE_MAX);
  return step(id, atMs, "mute", { node, late, forMs: draws.between(2_000, 12_000) });
}

/**
 * Somebody cannot renew any more, and whoever finds it dead is struck between the end of its lease and the end of its lanes. Then the one that
 * was found dead has its lanes for as long as it takes itself for alive. A leader is of no use here: the next one lets everybody live for the
 * whole length of a lease.
 */
function drawOvertaken(draws: Draws, options: RequestFaultOptions): PlanStep[] {
  const { id, atMs, maxWorkers } = options;
  const ambush = {
    state: "Emergency",
    delayMs: draws.pick([0, 0, 0, 1]) * draws.between(0.5, 1.5),
    act: draws.pick(["crash", "pause", "cut", "block"]),
    direction: draws.pick(["both", "up", "down"]),
    forMs: draws.between(1_000, 6_000),
  };
  return [
    drawMute(draws, { ...options, node: draws.integer(0, maxWorkers - 1) }),
    step(`${id}-ambush`, atMs + draws.between(500, 3_000), "ambush", ambush),
  ];
}
