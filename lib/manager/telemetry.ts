/**
 * Metrics and log of one worker: what happened, told to both in one place.
 *
 * @module
 */
import type { Snapshot } from "../assignment/snapshot.ts";
import { describeError, isPartiError } from "../errors.ts";
import type { AlertLevel, AssignmentChange } from "./hooks.ts";
import { type Logger, logger } from "../logging.ts";
import type { MetricsCollector } from "../metrics/collector.ts";
import type { ManagerState } from "./state.ts";

/** What a worker is called in the log that has lost its stable ID, or has none yet. */
const NO_ID = "a worker without an ID";

/** Measures and logs what a worker does. */
export class Telemetry {
  /** The collector. */
  readonly metrics: MetricsCollector;
  readonly #log: Logger;
  readonly #worker: () => string;
  #epoch = 0;
  /** The instances of the last assignment that this worker published as the leader. */
  #published: ReadonlySet<string> | undefined;

  /**
   * Tells nobody anything yet.
   *
   * @param group the group
   * @param metrics the collector
   * @param worker the stable ID as it is now
   */
  constructor(group: string, metrics: MetricsCollector, worker: () => string | undefined) {
    this.metrics = metrics;
    this.#worker = () => worker() ?? NO_ID;
    this.#log = logger("manager", { group });
  }

  /**
   * What the configuration allows and seldom means, told once when the worker starts.
   *
   * @param warnings one sentence each
   */
  doubts(warnings: readonly string[]): void {
    for (const warning of warnings) this.#log.warn("configuration: {warning}", { warning });
  }

  /** The state changed, after `durationMs` in the first. */
  stateChanged(from: ManagerState, to: ManagerState, durationMs: number): void {
    this.metrics.stateTransition(from, to, durationMs);
    this.#log.debug("{worker}: {from} to {to}", { worker: this.#worker(), from, to });
  }

  /** Degraded mode began, or ended after `durationMs`. */
  degradedChanged(degraded: boolean, durationMs: number): void {
    this.metrics.degradedMode(degraded);
    if (degraded) return this.#log.warn("the server is out of reach: degraded mode");
    this.metrics.degradedDuration(durationMs);
    this.metrics.cacheAge(0);
    this.metrics.alertLevel("none");
    this.#log.info("degraded mode is over after {durationMs} ms", { durationMs });
  }

  /** Degraded mode has lasted for `durationMs`. */
  alert(level: AlertLevel, durationMs: number): void {
    this.metrics.alertLevel(level);
    this.metrics.alertEmitted(level);
    this.metrics.cacheAge(durationMs);
    this.#log.warn("the server has been out of reach for {durationMs} ms", { durationMs, level });
  }

  /** Leadership was won or lost. */
  leadershipChanged(isLeader: boolean, epoch: number | undefined): void {
    // Losing it, the worker tells with which epoch it led.
    this.#epoch = epoch ?? this.#epoch;
    this.metrics.leadershipChange(isLeader, this.#epoch);
    this.#published = undefined;
    const worker = this.#worker();
    if (isLeader) this.#log.info("{worker} leads, epoch {epoch}", { worker, epoch });
    else this.#log.info("{worker} leads no longer", { worker });
  }

  /** This leader has published an assignment. */
  published(snapshot: Snapshot, movedCount: number, durationMs: number): void {
    const { reason, generation, workers } = snapshot;
    const partitions = workers.reduce((sum, worker) => sum + worker.partitions.length, 0);
    this.metrics.rebalanceAttempt(reason, true);
    this.metrics.rebalanceDuration(reason, durationMs);
    this.metrics.activeWorkers(workers.length);
    this.metrics.partitionCount(partitions);
    this.#countWorkerChanges(new Set(workers.map((worker) => worker.instance)));
    this.#log.info("rebalancing ({reason}): {movedCount} partitions moving", {
      reason,
      movedCount,
      generation,
      workers: workers.length,
    });
  }

  /** This leader has judged a worker dead. */
  evicted(worker: string, instance: string, reason: string): void {
    this.#log.warn("evicted {worker}: {reason}", { worker, instance, reason });
  }

  /** This worker's assignment changed. */
  assignmentChanged(change: AssignmentChange): void {
    const { added, removed, all, assignment } = change;
    this.metrics.assignmentChange(
      added.length,
      removed.length,
      assignment.generation,
      all.length,
    );
  }

  /** The lease is gone. */
  lost(reason: string): void {
    this.#log.warn("{worker} has lost its lease: {reason}", { worker: this.#worker(), reason });
  }

  /** Something failed. All of it is tried again, but a message that failed too often. */
  error(error: unknown): void {
    const properties = { worker: this.#worker(), error: describeError(error) };
    if (isPartiError(error, "PARTI_POISON")) this.#log.error("{worker}: {error}", properties);
    else this.#log.warn("{worker}: {error}", properties);
  }

  /** Sets are compared, never counts: one that died and one that joined are two changes. */
  #countWorkerChanges(now: ReadonlySet<string>): void {
    const before = this.#published;
    this.#published = now;
    // The first publication of a term says what is, not what has changed.
    if (before === undefined) return;
    const added = now.difference(before).size;
    const removed = before.difference(now).size;
    if (added + removed > 0) this.metrics.workerChange(added, removed);
  }
}
