/**
 * How far the leader has come with its latest publication, and the phase that is shown for it.
 *
 * @module
 */
import type { Member } from "../../membership/roster.ts";
import type { LeaderPhase } from "./group_leader_options.ts";
import type { PlannerDecision } from "./planner.ts";
import { instancesOf, type Snapshot } from "../snapshot.ts";

/** Workers that have not applied a generation after this long, in milliseconds, are waited for no longer. */
const APPLY_PATIENCE_MS = 10_000;

/** Keeps the phase. */
export class Progress {
  readonly #onPhase: (phase: LeaderPhase) => void;
  #phase: LeaderPhase = "idle";
  #publishedAtMs: number | undefined;
  #isOverdue = false;

  /** @param onPhase told when the phase changes */
  constructor(onPhase: (phase: LeaderPhase) => void) {
    this.#onPhase = onPhase;
  }

  /**
   * A snapshot is about to be published.
   *
   * @param isEmergency because of the dead
   */
  begin(isEmergency: boolean): void {
    this.#show(isEmergency ? "emergency" : "rebalancing");
  }

  /**
   * It was published.
   *
   * @param nowMs the monotonic clock, in milliseconds
   */
  published(nowMs: number): void {
    this.#publishedAtMs = nowMs;
    this.#isOverdue = false;
  }

  /** Whether there are workers that have not applied the latest publication and are waited for no longer, and nothing was done about it. */
  get isOverdue(): boolean {
    return this.#isOverdue;
  }

  /** Something was done about those who are overdue. */
  renewed(): void {
    this.#isOverdue = false;
  }

  /**
   * Shows the phase after a look. A publication is done with once everybody who is listed has applied it.
   *
   * @param decision what was decided
   * @param snapshot the assignment in force
   * @param members everybody alive
   * @param nowMs the monotonic clock, in milliseconds
   * @returns when to look again although nothing happens, on the same clock; undefined if never
   */
  follow(
    decision: PlannerDecision,
    snapshot: Snapshot,
    members: readonly Member[],
    nowMs: number,
  ): number | undefined {
    // Imbalance is looked into without making a state of it: often the strategy has nothing better.
    if (decision.kind === "wait" && decision.reason !== "imbalance") {
      this.#show(decision.reason === "emergency" ? "emergency" : "scaling");
      return decision.untilMs;
    }
    const dueMs = decision.kind === "wait" ? decision.untilMs : undefined;
    if (this.#publishedAtMs !== undefined && !hasApplied(snapshot, members)) {
      const patienceEndsMs = this.#publishedAtMs + APPLY_PATIENCE_MS;
      if (nowMs < patienceEndsMs) return Math.min(dueMs ?? Infinity, patienceEndsMs);
      this.#isOverdue = true;
    }
    this.#publishedAtMs = undefined;
    this.#show("idle");
    return dueMs;
  }

  #show(phase: LeaderPhase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#onPhase(phase);
  }
}

function hasApplied(snapshot: Snapshot, members: readonly Member[]): boolean {
  const listed = instancesOf(snapshot);
  return members.every(({ record }) =>
    !listed.has(record.instance) || record.applied >= snapshot.generation
  );
}
