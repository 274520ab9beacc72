/**
 * From what a consumer tells to what is measured.
 *
 * @module
 */
import type { ConsumptionEvents } from "../consumption/events.ts";
import type { ConsumerMetrics, WorkerMetrics } from "./collector.ts";

/** The part of a consumer's health that is shown as gauges. */
export interface HealthGauges {
  /** Everything wanted is held and nothing is stopped. */
  readonly healthy: boolean;
  /** Partitions held. */
  readonly held: number;
  /** Lanes. */
  readonly lanes: number;
}

type Metrics = ConsumerMetrics & Pick<WorkerMetrics, "handoffDuration">;

/** One object with methods of its class: a worker has one, and as many functions would be a kilobyte and more. */
class Feeder implements Partial<ConsumptionEvents> {
  readonly #metrics: Metrics;
  readonly #health: () => HealthGauges | undefined;
  #pullFailures = 0;

  constructor(metrics: Metrics, health: () => HealthGauges | undefined) {
    this.#metrics = metrics;
    this.#health = health;
  }

  updated(added: number, removed: number): void {
    this.#metrics.subjectChange(added, removed);
    if (added === 0 && removed === 0) this.#metrics.updateResult("noop", 0);
    this.#show();
  }
  acquired(_ids: readonly string[], _lane: string, waitedMs: number): void {
    this.#metrics.handoffDuration(waitedMs);
    this.#metrics.updateResult("success", waitedMs);
    this.#show();
  }
  refused(): void {
    this.#metrics.controlRetry("create", 0);
  }
  released(): void {
    this.#show();
  }
  evicted(): void {
    this.#metrics.laneEvicted();
  }
  laneEnded(_lane: string, reason: string): void {
    this.#metrics.pullRestart(reason);
    this.#metrics.pullFailures(++this.#pullFailures);
    this.#show();
  }
  started(): void {
    if (this.#pullFailures > 0) this.#metrics.pullFailures(this.#pullFailures = 0);
  }
  handled(_id: string, durationMs: number): void {
    this.#metrics.handled(durationMs);
  }
  redelivered(): void {
    this.#metrics.redelivered();
  }
  failed(): void {
    this.#metrics.failed();
  }
  abandoned(): void {
    this.#metrics.abandoned();
  }
  deadLettered(): void {
    this.#metrics.deadLettered();
  }
  stopped(): void {
    this.#metrics.partitionStopped();
    this.#show();
  }
  outranked(): void {
    this.#show();
  }
  error(): void {
    this.#metrics.updateResult("failure", 0);
    this.#show();
  }

  #show(): void {
    const now = this.#health();
    if (now === undefined) return;
    this.#metrics.health(now.healthy);
    this.#metrics.subjectsCurrent(now.held);
    this.#metrics.lanesCurrent(now.lanes);
  }
}

/**
 * Feeds a collector from a consumer's events.
 *
 * @param metrics the collector
 * @param health the consumer's health now; undefined while it is being made
 * @returns the events to give to the consumer
 */
export function consumptionMetrics(
  metrics: Metrics,
  health: () => HealthGauges | undefined,
): Partial<ConsumptionEvents> {
  return new Feeder(metrics, health);
}
