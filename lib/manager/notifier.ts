/**
 * Tells what happens to a worker: to the telemetry first, then to the application.
 *
 * @module
 */
import { changeBetween } from "./assignment_change.ts";
import type { AlertLevel, Assignment, HookQueue } from "./hooks.ts";
import type { SessionEvents } from "../session/session_options.ts";
import type { ManagerState } from "./state.ts";
import type { Telemetry } from "./telemetry.ts";

/** Tells both. */
export class Notifier {
  readonly #telemetry: Telemetry;
  readonly #hooks: HookQueue;
  #delivered: Assignment | undefined;
  #lastError: unknown;

  /**
   * Has told nothing yet.
   *
   * @param telemetry metrics and log
   * @param hooks the application
   */
  constructor(telemetry: Telemetry, hooks: HookQueue) {
    this.#telemetry = telemetry;
    this.#hooks = hooks;
  }

  /** The state changed, after `durationMs` milliseconds in the first. */
  stateChanged(from: ManagerState, to: ManagerState, durationMs: number): void {
    this.#telemetry.stateChanged(from, to, durationMs);
    void this.#hooks.emit({ type: "state", from, to });
  }

  /** Degraded mode has lasted for `durationMs` milliseconds. */
  alert(level: AlertLevel, durationMs: number): void {
    this.#telemetry.alert(level, durationMs);
    void this.#hooks.emit({ type: "alert", level, durationMs });
  }

  /** The last error that was told; undefined if there was none. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Something failed. */
  error(error: unknown): void {
    this.#lastError = error;
    this.#telemetry.error(error);
    void this.#hooks.emit({ type: "error", error });
  }

  /**
   * The partition source failed.
   *
   * @param error why
   * @param isKnown whether the group goes on with the partitions it read before
   */
  sourceFailed(error: unknown, isKnown: boolean): void {
    if (isKnown) this.#telemetry.metrics.cacheFallback("source");
    this.error(error);
  }

  /**
   * What sessions tell, passed on.
   *
   * @param onProgress told when something that shows in the state has changed
   * @returns the call-backs for all sessions of the worker
   */
  sessionEvents(onProgress: () => void): SessionEvents {
    const telemetry = this.#telemetry;
    return {
      onClaimed: () => {},
      onAssignment: (assignment) => this.#assignmentChanged(assignment),
      onProgress,
      onLeadership: (isLeader, epoch) => {
        telemetry.leadershipChanged(isLeader, epoch);
        void this.#hooks.emit({ type: "leadership", isLeader, epoch });
        onProgress();
      },
      onPublished: (snapshot, movedCount, durationMs) =>
        telemetry.published(snapshot, movedCount, durationMs),
      onRebalanceFailed: (reason) => telemetry.metrics.rebalanceAttempt(reason, false),
      onRenewed: (ok) => telemetry.metrics.heartbeat(ok),
      onProbeMiss: (_instance, kind) => telemetry.metrics.probeMiss(kind),
      onCopy: (isCopying, lag) => telemetry.metrics.copy(isCopying, lag),
      onEvicted: (worker, instance, reason) => telemetry.evicted(worker, instance, reason),
      onError: (error) => this.error(error),
      onLost: (reason) => telemetry.lost(reason),
    };
  }

  /** Tells the application the true difference to what it was told last. */
  #assignmentChanged(assignment: Assignment): Promise<void> {
    const change = changeBetween(this.#delivered, assignment);
    // Having been told nothing at all, it is told also that it gets nothing.
    const news = this.#delivered === undefined || change.added.length > 0 ||
      change.removed.length > 0;
    this.#delivered = assignment;
    if (!news) return this.#hooks.idle();
    this.#telemetry.assignmentChanged(change);
    return this.#hooks.emit({ type: "assignment", change });
  }
}
