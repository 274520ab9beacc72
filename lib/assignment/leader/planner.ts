/**
 * The planner: given who is alive and what is assigned, is it time to rebalance, and why? A pure function of its input, so every
 * rule can be tested by itself.
 *
 * Windows are caps. They close as soon as the roster has been quiet for the settle time. An emergency waits for nothing: no
 * window, no cooldown.
 *
 * One thing looks like an emergency and is none: a leader that is new to the group and finds most of it gone. Then the group is
 * starting again, after an outage or a redeployment, and giving everything to whoever came first would move everything twice.
 *
 * @module
 */
import type { RebalanceReason } from "../snapshot.ts";

/** A worker as the planner sees it. */
export interface PlannerMember {
  /** The stable ID. */
  readonly id: string;
  /** The instance. */
  readonly instance: string;
  /** It wants to hand over and go. */
  readonly leaving: boolean;
  /** This leader has had a sign of life from it; until then only its lease says that it lives. */
  readonly heard: boolean;
}

/** A worker's part of the present assignment. */
export interface PlannerAssigned {
  /** The stable ID. */
  readonly id: string;
  /** The instance. */
  readonly instance: string;
  /** How many partitions it holds. */
  readonly partitionCount: number;
  /** When this leader first missed the instance; undefined while it is a member. */
  readonly goneSinceMs: number | undefined;
  /** It had been there since this leader's own connection was back: if it is gone, it is not on the way back from an outage. */
  readonly wasBack: boolean;
}

/** What the planner decides from. All times are monotonic milliseconds of the leader. */
export interface PlannerInput {
  /** Now. */
  readonly nowMs: number;
  /** The leader's own instance. */
  readonly leaderInstance: string;
  /** Who is alive, leavers included; dead workers left out. */
  readonly members: readonly PlannerMember[];
  /** The assignment in force. */
  readonly assigned: readonly PlannerAssigned[];
  /** Whether the source's partitions differ from the assigned ones (names or weights). */
  readonly partitionsChanged: boolean;
  /** Somebody asked for a fresh look at the partitions. */
  readonly refreshRequested: boolean;
  /** The loads are too uneven for the workers' capacities as they are now, and the strategy has not been asked about it. */
  readonly imbalanced: boolean;
  /** This leader has not published in its term yet. */
  readonly firstOfTerm: boolean;
  /** Until when workers that were cut off together with this leader are on their way back; undefined if it was not cut off. */
  readonly recoveringUntilMs: number | undefined;
  /** When the set of members last changed. */
  readonly rosterChangedAtMs: number;
  /**
   * Since when there has been anything to do, without a break; undefined if there was nothing at the last look. When one reason
   * gives way to another the time goes on, so that no window is ever longer than its cap because of what happens meanwhile.
   */
  readonly differenceSinceMs: number | undefined;
  /** When this leader last moved partitions without need: for joins, for changed partitions, for balance. */
  readonly lastPlannedAtMs: number | undefined;
}

/** The planner's settings. */
export interface PlannerConfig {
  /** Cap of the window when there was no group before, or most of it was replaced, in milliseconds. */
  readonly coldStartWindowMs: number;
  /** Cap of the window for joins, in milliseconds. */
  readonly plannedScaleWindowMs: number;
  /** A window closes when the roster has been quiet for this long, in milliseconds. */
  readonly settleMs: number;
  /** Least time between planned rebalances, in milliseconds. */
  readonly minRebalanceIntervalMs: number;
  /**
   * How long the partitions of a dead worker wait for its stable ID to come back, in milliseconds. 0 moves them at once; more
   * saves moving them twice where workers are restarted in place, and lets them lie idle meanwhile.
   */
  readonly emergencyGracePeriodMs: number;
  /** At least this share of the holders missing, as a leader new to the group finds it at first, is a restart of the group. */
  readonly restartDetectionRatio: number;
}

/** What to do. */
export type PlannerDecision =
  | { readonly kind: "idle" }
  | { readonly kind: "wait"; readonly reason: RebalanceReason; readonly untilMs: number }
  | { readonly kind: "rebalance"; readonly reason: RebalanceReason };

/** Members and assignment, compared as sets of (ID, instance), never as counts. */
interface Difference {
  /** How many members are not listed. */
  readonly joined: number;
  /** Workers that hold partitions. */
  readonly holders: number;
  /** Those of them that are gone. */
  readonly gone: readonly PlannerAssigned[];
  /** How many of them want to go. */
  readonly leaving: number;
  /** How many of them have given no sign of life to this leader yet. */
  readonly unheard: number;
  /** The leader itself is not listed: it knows the group only from what is written. */
  readonly leaderIsNew: boolean;
}

const MOVES_WITHOUT_NEED: readonly RebalanceReason[] = [
  "planned_scale",
  "partition_change",
  "imbalance",
];

/**
 * Decides whether to rebalance now.
 *
 * @param input the situation
 * @param config the settings
 * @returns what to do, and until when to wait where waiting is the answer
 */
export function plan(input: PlannerInput, config: PlannerConfig): PlannerDecision {
  // Nobody is left to give anything to.
  if (input.members.every((member) => member.leaving)) return { kind: "idle" };
  const found = compare(input);
  const { gone, holders, joined, unheard } = found;
  const doubtful = isDoubtful(input, config, found);
  // Quiet proves nothing before those have been heard of whom nothing is known.
  const quietFromMs = doubtful ? Infinity : -Infinity;

  if (doubtful && gone.length > 0) {
    const untilMs = unheard > 0 ? Infinity : recoveredAtMs(input, awaited(input, gone));
    return windowed(input, config, "restart", untilMs);
  }
  if (gone.length > 0) return emergency(input, config, awaited(input, gone));
  // A leaver waits for its partitions to be taken: a window would only delay its shutdown.
  if (found.leaving > 0) return { kind: "rebalance", reason: "planned_scale" };
  if (holders === 0 && (joined > 0 || input.partitionsChanged)) {
    return windowed(input, config, "cold_start", -Infinity);
  }
  if (input.refreshRequested && input.partitionsChanged) {
    return { kind: "rebalance", reason: "refresh" };
  }
  if (joined > 0) return windowed(input, config, "planned_scale", quietFromMs);
  if (input.partitionsChanged) return windowed(input, config, "partition_change", quietFromMs);
  if (input.imbalanced) return windowed(input, config, "imbalance", quietFromMs);
  return { kind: "idle" };
}

/**
 * Whether a rebalance starts the time in which there shall be no further one of its kind. One that had to be does not: it must not
 * make those wait who join a moment later.
 *
 * @param reason why it was made
 * @param hadLeavers whether it served somebody who wants to go
 * @returns true if so
 */
export function startsCooldown(reason: RebalanceReason, hadLeavers: boolean): boolean {
  return MOVES_WITHOUT_NEED.includes(reason) && !hadLeavers;
}

function compare(input: PlannerInput): Difference {
  const living = new Map(input.members.map((member) => [keyOf(member), member]));
  const listed = new Set<string>();
  const gone: PlannerAssigned[] = [];
  let holders = 0, leaving = 0, unheard = 0, leaderIsNew = true;
  for (const worker of input.assigned) {
    listed.add(keyOf(worker));
    if (worker.instance === input.leaderInstance) leaderIsNew = false;
    if (worker.partitionCount === 0) continue;
    holders++;
    const member = living.get(keyOf(worker));
    if (member === undefined) gone.push(worker);
    else if (member.leaving) leaving++;
    if (member?.heard === false) unheard++;
  }
  const joined = input.members.filter((member) => !member.leaving && !listed.has(keyOf(member)));
  return { joined: joined.length, holders, gone, leaving, unheard, leaderIsNew };
}

function keyOf(worker: { readonly id: string; readonly instance: string }): string {
  return `${worker.id} ${worker.instance}`;
}

/**
 * Whether the group may be starting again: its leader is new to it and cannot tell that enough of it still lives. It ends with the
 * signs of life, which take a moment, or with the first publication.
 */
function isDoubtful(input: PlannerInput, config: PlannerConfig, found: Difference): boolean {
  const missed = found.gone.length + found.unheard;
  return input.firstOfTerm && found.leaderIsNew && missed > 0 &&
    missed >= found.holders * config.restartDetectionRatio;
}

/** Those who may still come back. Where another life of the same ID is here already nobody waits: it waits for its partitions. */
function awaited(input: PlannerInput, gone: readonly PlannerAssigned[]): PlannerAssigned[] {
  const staying = new Set(
    input.members.filter((member) => !member.leaving).map((member) => member.id),
  );
  return gone.filter((worker) => !staying.has(worker.id));
}

/**
 * When nobody is on the way back any more from an outage that this leader was in too. Whom it has published for was back before, so
 * what becomes of those later has nothing to do with the outage.
 */
function recoveredAtMs(input: PlannerInput, absent: readonly PlannerAssigned[]): number {
  const isOver = !input.firstOfTerm || absent.every(({ wasBack }) => wasBack);
  return isOver ? -Infinity : input.recoveringUntilMs ?? -Infinity;
}

/** Dead workers hold partitions. Those that may still come back are waited for, if the configuration says so. */
function emergency(
  input: PlannerInput,
  config: PlannerConfig,
  absent: readonly PlannerAssigned[],
): PlannerDecision {
  const sinceMs = Math.min(...absent.map((worker) => worker.goneSinceMs ?? input.nowMs));
  const untilMs = Math.max(sinceMs + config.emergencyGracePeriodMs, recoveredAtMs(input, absent));
  return absent.length === 0 || input.nowMs >= untilMs
    ? { kind: "rebalance", reason: "emergency" }
    : { kind: "wait", reason: "emergency", untilMs };
}

/** Waits for a window to close. Before `quietFromMs` it stays open although the roster is quiet, up to the cap. */
function windowed(
  input: PlannerInput,
  config: PlannerConfig,
  reason: RebalanceReason,
  quietFromMs: number,
): PlannerDecision {
  const isPlanned = MOVES_WITHOUT_NEED.includes(reason);
  const capMs = isPlanned ? config.plannedScaleWindowMs : config.coldStartWindowMs;
  const sinceMs = input.differenceSinceMs ?? input.nowMs;
  const quietAtMs = Math.max(input.rosterChangedAtMs, sinceMs) + config.settleMs;
  const closesAtMs = Math.min(Math.max(quietAtMs, quietFromMs), sinceMs + capMs);
  const cooledAtMs = isPlanned && input.lastPlannedAtMs !== undefined
    ? input.lastPlannedAtMs + config.minRebalanceIntervalMs
    : -Infinity;
  const untilMs = Math.max(closesAtMs, cooledAtMs);
  return input.nowMs >= untilMs ? { kind: "rebalance", reason } : { kind: "wait", reason, untilMs };
}
