/**
 * The metrics collector for Prometheus, on prom-client. Import it as `@parti/parti/metrics/prometheus`: `mod.ts` does not load it,
 * because prom-client brings timers and process statistics along.
 *
 * @module
 */
import type { Registry } from "prom-client";
import { bind, type Bound, checkNames, type MetricRegistry } from "./bound.ts";
import { CATALOG } from "./catalog.ts";
import type {
  AlertLevel,
  ConsumerMetrics,
  ManagerMetrics,
  MetricsCollector,
  PlannerMetrics,
  WorkerMetrics,
} from "./collector.ts";

export type { MetricRegistry } from "./bound.ts";
export { busMetrics, type BusMetricsOptions } from "./bus_metrics.ts";

/** How {@linkcode prometheusMetrics} registers its metrics. */
export interface PrometheusOptions {
  /** Where they are registered: a `Registry` of prom-client. */
  readonly registry: MetricRegistry;
  /**
   * What all names begin with.
   * @default "parti_"
   */
  readonly prefix?: string;
  /**
   * Labels put on every metric, such as the group and the worker. Workers of one process share a registry if each has a value of
   * its own for the same labels.
   * @default {}
   */
  readonly labels?: Readonly<Record<string, string>>;
}

type Metrics = Readonly<Record<keyof typeof CATALOG, Bound>>;

const ALERT_LEVELS: readonly AlertLevel[] = ["none", "info", "warn", "error", "critical"];
const resultOf = (ok: boolean) => ok ? "success" : "failure";

/**
 * Makes a collector that registers the metrics of `README.md` and keeps them.
 *
 * @param options where to register, the prefix and labels for all
 * @returns the collector
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if a label for all has the name of a metric's own label or is no label name, if the
 *   prefix is no beginning of a metric name, or if the registry has another metric under one of the names
 */
export function prometheusMetrics(options: PrometheusOptions): MetricsCollector {
  const { prefix = "parti_", labels = {} } = options;
  const registry = options.registry as Registry;
  checkNames(prefix, Object.keys(labels), Object.values(CATALOG));
  const metrics = Object.fromEntries(
    Object.entries(CATALOG).map(([key, spec]) => [
      key,
      bind(spec, prefix + spec.name, registry, labels),
    ]),
  ) as unknown as Metrics;
  return {
    ...managerMetrics(metrics),
    ...plannerMetrics(metrics),
    ...workerMetrics(metrics),
    ...consumerMetrics(metrics),
  };
}

function managerMetrics(m: Metrics): ManagerMetrics {
  return {
    stateTransition(from, to, durationMs) {
      m.stateTransitions.add(1, { from, to });
      m.stateDuration.observeMs(durationMs, { state: from });
      m.workerState.set(0, { state: from });
      m.workerState.set(1, { state: to });
    },
    leadershipChange(isLeader, epoch) {
      m.isLeader.set(isLeader ? 1 : 0);
      m.leaderEpoch.set(epoch);
      m.leadershipChanges.add(1, { kind: isLeader ? "won" : "lost" });
    },
    degradedMode: (active) => m.degradedMode.set(active ? 1 : 0),
    degradedDuration: (durationMs) => m.degradedDuration.observeMs(durationMs),
    cacheAge: (ageMs) => m.cacheAge.set(ageMs / 1_000),
    cacheFallback: (reason) => m.cacheFallbacks.add(1, { reason }),
    alertLevel: (level) => m.alertLevel.set(ALERT_LEVELS.indexOf(level)),
    alertEmitted: (level) => m.degradedAlerts.add(1, { level }),
  };
}

function plannerMetrics(m: Metrics): PlannerMetrics {
  return {
    rebalanceDuration: (reason, durationMs) =>
      m.rebalanceDuration.observeMs(durationMs, { reason }),
    rebalanceAttempt: (reason, ok) => m.rebalanceAttempts.add(1, { reason, result: resultOf(ok) }),
    partitionCount: (count) => m.partitions.set(count),
    workerChange(added, removed) {
      m.workerChanges.add(added, { kind: "add" });
      m.workerChanges.add(removed, { kind: "remove" });
    },
    activeWorkers: (count) => m.activeWorkers.set(count),
    probeMiss: (kind) => m.probeMisses.add(1, { kind }),
    copy(isCopying, lag) {
      m.copying.set(isCopying ? 1 : 0);
      m.copyLag.set(lag);
    },
  };
}

function workerMetrics(m: Metrics): WorkerMetrics {
  return {
    heartbeat: (ok) => m.heartbeats.add(1, { result: resultOf(ok) }),
    assignmentChange(added, removed, generation, total) {
      m.assignmentChanges.add(added, { kind: "add" });
      m.assignmentChanges.add(removed, { kind: "remove" });
      m.assignmentVersion.set(generation);
      m.assignedPartitions.set(total);
    },
    handoffDuration: (durationMs) => m.handoffDuration.observeMs(durationMs),
    kvOperation: (op, ok, durationMs) =>
      m.kvOperationDuration.observeMs(durationMs, { op, result: resultOf(ok) }),
  };
}

function consumerMetrics(m: Metrics): ConsumerMetrics {
  return {
    controlRetry(op, backoffMs) {
      m.controlRetries.add(1, { op });
      m.retryBackoff.observeMs(backoffMs, { op });
    },
    subjectsCurrent: (count) => m.subjectsCurrent.set(count),
    subjectChange(added, removed) {
      m.subjectChanges.add(added, { kind: "add" });
      m.subjectChanges.add(removed, { kind: "remove" });
    },
    updateResult(result, latencyMs) {
      m.updateResults.add(1, { result });
      m.updateLatency.observeMs(latencyMs);
    },
    lanesCurrent: (count) => m.lanes.set(count),
    laneEvicted: () => m.evictions.add(1),
    pullRestart: (reason) => m.pullRestarts.add(1, { reason }),
    pullFailures: (consecutive) => m.pullFailures.set(consecutive),
    health: (healthy) => m.health.set(healthy ? 1 : 0),
    recreation(reason, ok, durationMs) {
      m.recreationAttempts.add(1, { reason });
      m.recreations.add(1, { result: resultOf(ok), reason });
      m.recreationDuration.observeMs(durationMs);
    },
    handled(durationMs) {
      m.handled.add(1);
      m.handlerDuration.observeMs(durationMs);
    },
    redelivered: () => m.redelivered.add(1),
    failed: () => m.failed.add(1),
    abandoned: () => m.abandoned.add(1),
    deadLettered: () => m.deadLettered.add(1),
    partitionStopped: () => m.stopped.add(1),
  };
}
