/**
 * The planner: given who is alive and what is assigned, is it time to rebalance, and why? A pure function of its input, so every
 * rule can be tested by itself.
 *
 * Windows are caps. They close as soon as the roster has been quiet for the settle time. An emergency waits for nothing: no
 * window, no cooldown.
 *
 * @module
 */
import type { RebalanceReason } from "./snapshot.ts";

/** A worker as the planner sees it. */
export interface PlannerMember {
  /** The stable ID. */
  readonly id: string;
  /** The instance. */
  readonly instance: string;
  /** It wants to hand over and go. */
  readonly leaving: boolean;
}

/** A worker's part of the present assignment. */
export interface PlannerAssigned {
  /** The stable ID. */
  readonly id: string;
  /** The instance. */
  readonly instance: string;
  /** How many partitions it holds. */
  readonly partitionCount: number;
}

/** What the planner decides from. All times are monotonic milliseconds of the leader. */
export interface PlannerInput {
  /** Now. */
  readonly nowMs: number;
  /** Who is alive, leavers included; dead workers left out. */
  readonly members: readonly PlannerMember[];
  /** The assignment in force. */
  readonly assigned: readonly PlannerAssigned[];
  /** Whether the source's partitions differ from the assigned ones (names or weights). */
  readonly partitionsChanged: boolean;
  /** Somebody asked for a fresh look at the partitions. */
  readonly refreshRequested: boolean;
  /** This is the first decision of a new leader. */
  readonly firstOfTerm: boolean;
  /** When the set of members last changed. */
  readonly rosterChangedAtMs: number;
  /** When the present difference between members and assignment began; undefined if there was none at the last look. */
  readonly differenceSinceMs: number | undefined;
  /** When the last generation was published; undefined if not in this term. */
  readonly lastRebalanceAtMs: number | undefined;
}

/** The planner's settings, in milliseconds. */
export interface PlannerConfig {
  /** Cap of the window when there was no group before, or most of it was replaced. */
  readonly coldStartWindowMs: number;
  /** Cap of the window for joins. */
  readonly plannedScaleWindowMs: number;
  /** A window closes when the roster has been quiet for this long. */
  readonly settleMs: number;
  /** Least time between planned rebalances. */
  readonly minRebalanceIntervalMs: number;
  /** More than this share of the assigned workers gone, as a new leader finds it, is a restart of the group. */
  readonly restartDetectionRatio: number;
}

/** What to do. */
export type PlannerDecision =
  | { readonly kind: "idle" }
  | { readonly kind: "wait"; readonly reason: RebalanceReason; readonly untilMs: number }
  | { readonly kind: "rebalance"; readonly reason: RebalanceReason };

/** Members and assignment, compared as sets of (ID, instance), never as counts. */
interface Difference {
  readonly joined: number;
  readonly goneHolding: number;
  readonly leavingHolding: number;
}

function compare(input: PlannerInput): Difference {
  const living = new Map(input.members.map((member) => [member.instance, member]));
  const assignedInstances = new Set(input.assigned.map((worker) => worker.instance));
  let goneHolding = 0;
  let leavingHolding = 0;
  for (const worker of input.assigned) {
    const member = living.get(worker.instance);
    if (worker.partitionCount === 0) continue;
    if (member === undefined) goneHolding++;
    else if (member.leaving) leavingHolding++;
  }
  const joined =
    input.members.filter((member) => !member.leaving && !assignedInstances.has(member.instance))
      .length;
  return { joined, goneHolding, leavingHolding };
}

/**
 * Decides whether to rebalance now.
 *
 * @param input the situation
 * @param config the settings
 * @returns what to do, and until when to wait where waiting is the answer
 */
export function plan(input: PlannerInput, config: PlannerConfig): PlannerDecision {
  const difference = compare(input);
  const staying = input.members.filter((member) => !member.leaving).length;
  if (staying === 0) return { kind: "idle" };

  const goneShare = input.assigned.length === 0
    ? 0
    : difference.goneHolding / input.assigned.length;
  const restart = input.firstOfTerm && goneShare > config.restartDetectionRatio;
  if (difference.goneHolding > 0 && !restart) return { kind: "rebalance", reason: "emergency" };
  // A leaver waits for its partitions to be taken: a window would only delay its shutdown.
  if (difference.leavingHolding > 0) return { kind: "rebalance", reason: "planned_scale" };
  if (input.refreshRequested && input.partitionsChanged) {
    return { kind: "rebalance", reason: "refresh" };
  }

  const nobodyHolds = input.assigned.every((worker) => worker.partitionCount === 0);
  if (restart) return windowed(input, config, "restart", config.coldStartWindowMs, false);
  if (nobodyHolds && (difference.joined > 0 || input.partitionsChanged)) {
    return windowed(input, config, "cold_start", config.coldStartWindowMs, false);
  }
  if (difference.joined > 0) {
    return windowed(input, config, "planned_scale", config.plannedScaleWindowMs, true);
  }
  if (input.partitionsChanged) {
    return windowed(input, config, "partition_change", config.plannedScaleWindowMs, true);
  }
  return { kind: "idle" };
}

function windowed(
  input: PlannerInput,
  config: PlannerConfig,
  reason: RebalanceReason,
  capMs: number,
  cooled: boolean,
): PlannerDecision {
  const sinceMs = input.differenceSinceMs ?? input.nowMs;
  const quietAtMs = Math.max(input.rosterChangedAtMs, sinceMs) + config.settleMs;
  const closesAtMs = Math.min(quietAtMs, sinceMs + capMs);
  const cooldownEndsMs = cooled && input.lastRebalanceAtMs !== undefined
    ? input.lastRebalanceAtMs + config.minRebalanceIntervalMs
    : -Infinity;
  const untilMs = Math.max(closesAtMs, cooldownEndsMs);
  return input.nowMs >= untilMs ? { kind: "rebalance", reason } : { kind: "wait", reason, untilMs };
}
