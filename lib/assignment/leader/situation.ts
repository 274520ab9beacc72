/**
 * What the leader remembers from look to look, so that the planner can stay a pure function: windows, cooldown, attendance, balance.
 *
 * @module
 */
import type { GroupConfig } from "../../config/config.ts";
import type { Member } from "../../membership/roster.ts";
import { Attendance } from "./attendance.ts";
import { BalanceWatch } from "./balance_watch.ts";
import { differsFromSource } from "./computation.ts";
import type { StrategyPartition } from "../partition.ts";
import { plan, type PlannerConfig, type PlannerDecision, startsCooldown } from "./planner.ts";
import type { Snapshot } from "../snapshot.ts";

/** What one look has found. */
export interface Findings {
  /** The monotonic clock, in milliseconds. */
  readonly nowMs: number;
  /** The members that count. */
  readonly members: readonly Member[];
  /** The assignment in force. */
  readonly snapshot: Snapshot;
  /** The partitions to go by; undefined while the source has not answered yet and nothing was assigned before. */
  readonly partitions: readonly StrategyPartition[] | undefined;
  /** Somebody asked for a fresh look at the partitions, and the source has been read since. */
  readonly refreshRequested: boolean;
  /** See {@linkcode PlannerInput.recoveringUntilMs}. */
  readonly recoveringUntilMs: number | undefined;
  /** See {@linkcode PlannerAssigned.wasBack}. */
  readonly wasBack: (instance: string) => boolean;
}

/** The situation of one term. */
export class Situation {
  readonly #leaderInstance: string;
  readonly #config: PlannerConfig;
  readonly #attendance: Attendance;
  readonly #balance: BalanceWatch;
  #firstOfTerm = true;
  #differenceSinceMs: number | undefined;
  #lastPlannedAtMs: number | undefined;
  #startedAtMs: number | undefined;
  /** What was tried since the last publication that is known of. A leader that fails too often gives up. */
  #tries: {
    readonly snapshot: Snapshot;
    readonly members: readonly Member[];
    readonly atMs: number;
  }[] = [];
  #compared: {
    readonly snapshot: Snapshot;
    readonly partitions: readonly StrategyPartition[];
    readonly differs: boolean;
  } | undefined;

  /**
   * @param leaderInstance the leader's own instance
   * @param config the group's configuration
   * @param nowMs the monotonic clock, in milliseconds
   */
  constructor(leaderInstance: string, config: GroupConfig, nowMs: number) {
    this.#leaderInstance = leaderInstance;
    this.#config = { ...config, ...config.assignment };
    this.#attendance = new Attendance(nowMs);
    this.#balance = new BalanceWatch(config.assignment.minRebalanceThreshold);
  }

  /** Whether nothing has been published in this term. */
  get firstOfTerm(): boolean {
    return this.#firstOfTerm;
  }

  /**
   * Takes attendance.
   *
   * @param found what this look has found
   * @returns the instances that have gone
   */
  take(found: Pick<Findings, "members" | "snapshot" | "nowMs">): string[] {
    return this.#attendance.take(found.members, found.snapshot, found.nowMs);
  }

  /**
   * A sign of life.
   *
   * @param instance whose
   * @returns true if a decision may depend on it
   */
  hear(instance: string): boolean {
    return this.#attendance.hear(instance) && this.#firstOfTerm;
  }

  /**
   * Whether the assignment has to follow the source.
   *
   * @param found what this look has found
   * @returns true if names or weights differ
   */
  partitionsDiffer(found: Pick<Findings, "snapshot" | "partitions">): boolean {
    const { snapshot, partitions } = found;
    if (partitions === undefined) return false;
    const known = this.#compared;
    if (known?.snapshot === snapshot && known.partitions === partitions) return known.differs;
    const differs = differsFromSource(snapshot, partitions);
    this.#compared = { snapshot, partitions, differs };
    return differs;
  }

  /**
   * Decides.
   *
   * @param found what this look has found, attendance taken
   * @returns what to do
   */
  decide(found: Findings): PlannerDecision {
    const { nowMs, members, snapshot } = found;
    // Without any partitions to go by there is nothing to decide.
    const decision: PlannerDecision = found.partitions === undefined ? { kind: "idle" } : plan({
      nowMs,
      leaderInstance: this.#leaderInstance,
      members: this.#attendance.members(members),
      assigned: this.#attendance.assigned(snapshot, found.wasBack),
      partitionsChanged: this.partitionsDiffer(found),
      refreshRequested: found.refreshRequested,
      imbalanced: this.#balance.isUneven(snapshot, members.map((member) => member.record)),
      firstOfTerm: this.#firstOfTerm,
      recoveringUntilMs: found.recoveringUntilMs,
      rosterChangedAtMs: this.#attendance.changedAtMs,
      differenceSinceMs: this.#differenceSinceMs,
      lastPlannedAtMs: this.#lastPlannedAtMs,
    }, this.#config);
    if (decision.kind === "idle") this.#differenceSinceMs = undefined;
    else this.#differenceSinceMs ??= nowMs;
    return decision;
  }

  /**
   * A snapshot is about to be published. If its outcome stays unknown, it may turn out later that it was.
   *
   * @param snapshot the snapshot
   * @param members the members it was computed from
   * @param nowMs the monotonic clock, in milliseconds
   */
  tries(snapshot: Snapshot, members: readonly Member[], nowMs: number): void {
    this.#tries.push({ snapshot, members, atMs: nowMs });
  }

  /**
   * A snapshot was published. Only now is the difference done with: what fails is found again at the next look.
   *
   * @param snapshot the one that was tried last; or an earlier one, of which is known only now that it was published then. What there is
   * to do beyond that one has been so since before
   * @param nowMs the monotonic clock, in milliseconds
   */
  published(snapshot: Snapshot, nowMs: number): void {
    const tried = this.#tries.findLast((each) => isSame(each.snapshot, snapshot));
    const isLast = tried === this.#tries.at(-1);
    this.#tries = [];
    if (tried === undefined) return;
    const { members } = tried;
    const atMs = isLast ? nowMs : tried.atMs;
    this.#firstOfTerm = false;
    if (isLast) this.#differenceSinceMs = undefined;
    const hadLeavers = members.some((member) => member.record.leaving);
    if (snapshot.reason === "cold_start" || snapshot.reason === "restart") {
      this.#startedAtMs = atMs;
    }
    if (!this.#isGathering(atMs) && startsCooldown(snapshot.reason, hadLeavers)) {
      this.#lastPlannedAtMs = atMs;
    }
    this.#balance.settle(snapshot, members.map((member) => member.record));
  }

  /**
   * Whether the group has begun so recently that workers are still on their way. A window that settled early must not make those
   * wait for a cooldown who start a little slower than the rest.
   */
  #isGathering(nowMs: number): boolean {
    return this.#startedAtMs !== undefined &&
      nowMs - this.#startedAtMs < this.#config.coldStartWindowMs;
  }

  /**
   * The strategy has nothing better than this. That is as good as a look that finds nothing to do: whoever joins later must find a window of
   * its own and not one that has been open for all this time.
   *
   * @param snapshot the assignment in force
   * @param members the members it was asked for
   */
  settled(snapshot: Snapshot, members: readonly Member[]): void {
    this.#differenceSinceMs = undefined;
    this.#balance.settle(snapshot, members.map((member) => member.record));
  }
}

/** Whether one is the other, which may have been read again. What failed is tried again as the same generation, and is another one. */
function isSame(one: Snapshot, other: Snapshot): boolean {
  return one.generation === other.generation && one.atMs === other.atMs &&
    one.reason === other.reason;
}
