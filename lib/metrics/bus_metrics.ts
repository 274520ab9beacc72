/**
 * The metrics of a bus for Prometheus. Counters are read when somebody asks; of a call only its outcome and its time are told as it ends.
 *
 * @module
 */
import type { Registry } from "prom-client";
import type { ActorSystem } from "../bus/actors/actor_system.ts";
import type { MessageBus } from "../bus/bus.ts";
import type { BusCounts } from "../bus/bus_counts.ts";
import { bind, type Bound, checkNames, type MetricRegistry } from "./bound.ts";
import type { MetricSpec } from "./catalog.ts";

/** What is measured, and where it goes. */
export interface BusMetricsOptions {
  /** Where they are registered: a `Registry` of prom-client. */
  readonly registry: MetricRegistry;
  /** The bus. */
  readonly bus: Pick<MessageBus, "counts" | "pending" | "working" | "onOutcome">;
  /** The actors of this node, however they are placed, if it has any. */
  readonly actors?: Pick<ActorSystem, "size" | "begun">;
  /**
   * What all names begin with.
   * @default "parti_"
   */
  readonly prefix?: string;
  /**
   * Labels put on every metric, such as the bus and the node. Buses of one process share a registry if each has a value of its own for the
   * same labels.
   * @default {}
   */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Counters of the bus, by name, with what they count. */
const COUNTERS: Readonly<Record<string, readonly [keyof BusCounts, string]>> = {
  bus_calls_total: ["issued", "calls that waited for an answer, each try of those with a key"],
  bus_calls_settled_total: ["settled", "calls that have had their outcome, each try"],
  bus_told_total: ["told", "one-way calls"],
  bus_retries_total: ["retries", "further tries of calls with a key"],
  bus_orphans_total: ["orphans", "answers for which nobody waited any more"],
  bus_received_total: ["received", "calls that came"],
  bus_forwarded_total: ["forwarded", "calls that were sent on to another node"],
  bus_refused_total: ["refused", "calls that no handler here has seen"],
  bus_failed_total: ["failed", "calls whose handler or actor threw"],
  bus_malformed_total: ["malformed", "what came and was no message"],
};

const OUTCOMES: MetricSpec = {
  name: "bus_outcomes_total",
  type: "counter",
  labels: { outcome: "value, or why there was none, such as timeout or maybe_delivered" },
  help: "requests that have come to their end, all tries of one together",
};

const DURATION: MetricSpec = {
  name: "bus_call_duration_seconds",
  type: "histogram",
  labels: {},
  help: "time from the request to its outcome, all tries of one together",
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
};

/**
 * Registers the metrics of a bus: ten counters (`parti_bus_calls_total`, …), `parti_bus_outcomes_total` by `outcome`, the histogram
 * `parti_bus_call_duration_seconds`, the gauges `parti_bus_pending` and `parti_bus_working`, and of actors `parti_bus_actors` and
 * `parti_bus_activations_total`.
 *
 * @param options what is measured, and where it goes
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for a label or prefix that is not allowed, or if the registry has another metric under one of
 * the names
 */
export function busMetrics(
  { bus, actors, prefix = "parti_", labels = {}, ...options }: BusMetricsOptions,
): void {
  const registry = options.registry as Registry;
  checkNames(prefix, Object.keys(labels), [OUTCOMES, DURATION]);
  const register = (spec: MetricSpec, pull?: (bound: Bound) => void): Bound =>
    bind(spec, prefix + spec.name, registry, labels, pull);
  const counter = (name: string, help: string, read: () => number): void => {
    let told = 0;
    register({ name, type: "counter", labels: {}, help }, (bound) => {
      const now = read();
      bound.add(now - told);
      told = now;
    });
  };
  const gauge = (name: string, help: string, read: () => number): void => {
    register({ name, type: "gauge", labels: {}, help }, (bound) => bound.set(read()));
  };
  for (const [name, [count, help]] of Object.entries(COUNTERS)) {
    counter(name, help, () => bus.counts[count]);
  }
  const [outcomes, duration] = [register(OUTCOMES), register(DURATION)];
  bus.onOutcome((outcome, durationMs) => {
    outcomes.add(1, { outcome });
    duration.observeMs(durationMs);
  });
  gauge("bus_pending", "calls that wait for an answer", () => bus.pending);
  gauge("bus_working", "calls to handlers that are worked on", () => bus.working);
  if (actors === undefined) return;
  gauge("bus_actors", "actors that live on this node", () => actors.size);
  counter("bus_activations_total", "lives of actors that began on this node", () => actors.begun);
}
