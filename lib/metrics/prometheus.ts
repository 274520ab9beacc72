/**
 * The metrics collector for Prometheus, on prom-client. Import it as `@parti/parti/metrics/prometheus`: `mod.ts` does not load it,
 * because prom-client brings timers and process statistics along.
 *
 * @module
 */
import { Counter, Gauge, Histogram, type Metric, type Registry } from "prom-client";
import { PartiError } from "../errors.ts";
import { CATALOG, type MetricSpec } from "./catalog.ts";
import type {
  AlertLevel,
  ConsumerMetrics,
  ManagerMetrics,
  MetricsCollector,
  PlannerMetrics,
  WorkerMetrics,
} from "./collector.ts";

export { busMetrics, type BusMetricsOptions } from "./bus_metrics.ts";

/** The part of prom-client's `Registry` that is needed: any version's will do. */
export interface MetricRegistry {
  /** Looks a metric up by its name. */
  getSingleMetric(name: string): unknown;
  /** Adds a metric. */
  registerMetric(metric: never): void;
}

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

/** One metric, bound to the labels that all have. */
interface Bound {
  /** Adds to a counter. */
  add(count: number, labels?: Record<string, string>): void;
  /** Sets a gauge. */
  set(value: number, labels?: Record<string, string>): void;
  /** Puts a time into a histogram, which counts in seconds. */
  observeMs(durationMs: number, labels?: Record<string, string>): void;
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
  checkNames(prefix, Object.keys(labels));
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

function checkNames(prefix: string, labels: readonly string[]): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix)) {
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `metric prefix ${JSON.stringify(prefix)} is not allowed`,
      {
        value: prefix,
        hint: "use letters, digits and underscores, and no digit first",
      },
    );
  }
  const own = new Set(Object.values(CATALOG).flatMap((m) => Object.keys(m.labels)));
  for (const label of labels) {
    // "le" is what histograms call their buckets.
    if (own.has(label) || label === "le" || !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) {
      throw new PartiError(
        "PARTI_INVALID_CONFIG",
        `metric label ${JSON.stringify(label)} is not allowed for all metrics`,
        { value: label, hint: `use a name other than le, ${[...own].sort().join(", ")}` },
      );
    }
  }
}

function bind(
  spec: MetricSpec,
  name: string,
  registry: Registry,
  all: Readonly<Record<string, string>>,
): Bound {
  const labelNames = [...Object.keys(all), ...Object.keys(spec.labels)];
  // Another worker of this process may have registered it already.
  const metric = registry.getSingleMetric(name) ?? create(spec, name, labelNames, registry);
  const unfit = () =>
    new PartiError("PARTI_INVALID_CONFIG", `the registry has another metric named ${name}`, {
      value: name,
      hint: "give each collector of a registry the same label names, or use another prefix",
    });
  if (!sameLabels(metric, labelNames)) throw unfit();
  const none = (): never => {
    throw new PartiError("PARTI_INVARIANT", `${name} is no such metric`);
  };
  const bound: Bound = { add: none, set: none, observeMs: none };
  const isPlain = Object.keys(spec.labels).length === 0;
  if (spec.type === "counter" && metric instanceof Counter) {
    // A metric that is there from the beginning can be told from one that is missing.
    if (isPlain) metric.inc(all, 0);
    const add = (count: number, labels: object) => metric.inc({ ...all, ...labels }, count);
    return { ...bound, add: ifSound(add) };
  }
  if (spec.type === "gauge" && metric instanceof Gauge) {
    if (isPlain) metric.set(all, 0);
    const set = (value: number, labels: object) => metric.set({ ...all, ...labels }, value);
    return { ...bound, set: ifSound(set) };
  }
  if (spec.type === "histogram" && metric instanceof Histogram) {
    if (isPlain) metric.zero(all);
    const observeMs = (ms: number, labels: object) =>
      metric.observe({ ...all, ...labels }, ms / 1_000);
    return { ...bound, observeMs: ifSound(observeMs) };
  }
  throw unfit();
}

/** prom-client throws at NaN and at negative counts; a wrong number must not end what is being measured. */
function ifSound(
  record: (value: number, labels: object) => void,
): (value: number, labels?: Record<string, string>) => void {
  return (value, labels = {}) => {
    if (Number.isFinite(value) && value >= 0) record(value, labels);
  };
}

function create(
  spec: MetricSpec,
  name: string,
  labelNames: readonly string[],
  registry: Registry,
): Metric {
  const configuration = { name, help: spec.help, labelNames, registers: [registry] };
  switch (spec.type) {
    case "counter":
      return new Counter(configuration);
    case "gauge":
      return new Gauge(configuration);
    case "histogram":
      return new Histogram({ ...configuration, buckets: [...spec.buckets ?? []] });
  }
}

function sameLabels(metric: Metric, labelNames: readonly string[]): boolean {
  // prom-client keeps the names but does not declare that it does.
  const actual = (metric as unknown as { readonly labelNames: readonly string[] }).labelNames;
  return [...actual].sort().join() === [...labelNames].sort().join();
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
