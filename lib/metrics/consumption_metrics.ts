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

/**
 * Feeds a collector from a consumer's events.
 *
 * @param metrics the collector
 * @param health the consumer's health now; undefined while it is being made
 * @returns the events to give to the consumer
 */
export function consumptionMetrics(
  metrics: ConsumerMetrics & Pick<WorkerMetrics, "handoffDuration">,
  health: () => HealthGauges | undefined,
): Partial<ConsumptionEvents> {
  let pullFailures = 0;
  const show = () => {
    const now = health();
    if (now === undefined) return;
    metrics.health(now.healthy);
    metrics.subjectsCurrent(now.held);
    metrics.lanesCurrent(now.lanes);
  };
  return {
    updated: (added, removed) => {
      metrics.subjectChange(added, removed);
      if (added === 0 && removed === 0) metrics.updateResult("noop", 0);
      show();
    },
    acquired: (_ids, _lane, waitedMs) => {
      metrics.handoffDuration(waitedMs);
      metrics.updateResult("success", waitedMs);
      show();
    },
    refused: () => metrics.controlRetry("create", 0),
    released: show,
    evicted: () => metrics.laneEvicted(),
    laneEnded: (_lane, reason) => {
      metrics.pullRestart(reason);
      metrics.pullFailures(++pullFailures);
      show();
    },
    started: () => {
      if (pullFailures > 0) metrics.pullFailures(pullFailures = 0);
    },
    handled: (_id, durationMs) => metrics.handled(durationMs),
    redelivered: () => metrics.redelivered(),
    failed: () => metrics.failed(),
    abandoned: () => metrics.abandoned(),
    deadLettered: () => metrics.deadLettered(),
    stopped: () => {
      metrics.partitionStopped();
      show();
    },
    outranked: show,
    error: () => {
      metrics.updateResult("failure", 0);
      show();
    },
  };
}
