/**
 * The metrics of a bus for Prometheus. They are read out of its counters when somebody asks, so a call costs nothing for them.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "prom-client";
import type { MessageBus } from "../bus/bus.ts";
import type { BusCounts } from "../bus/bus_counts.ts";
import type { MetricRegistry } from "./prometheus.ts";

/** What is measured, and where it goes. */
export interface BusMetricsOptions {
  /** Where they are registered: a `Registry` of prom-client. */
  readonly registry: MetricRegistry;
  /** The bus. */
  readonly bus: Pick<MessageBus, "counts" | "pending" | "working">;
  /** The actors of this node, if it has any. */
  readonly actors?: { readonly activations: readonly unknown[] };
  /**
   * What all names begin with.
   * @default "parti_"
   */
  readonly prefix?: string;
}

/** Counters of the bus, by name, with what they count. */
const COUNTERS: Readonly<Record<string, readonly [keyof BusCounts, string]>> = {
  bus_calls_total: ["issued", "calls that waited for an answer"],
  bus_calls_settled_total: ["settled", "calls that have had their outcome"],
  bus_told_total: ["told", "one-way calls"],
  bus_retries_total: ["retries", "further tries of calls with a key"],
  bus_orphans_total: ["orphans", "answers for which nobody waited any more"],
  bus_received_total: ["received", "calls that came"],
  bus_forwarded_total: ["forwarded", "calls that were sent on to another node"],
  bus_refused_total: ["refused", "calls that no handler here has seen"],
  bus_failed_total: ["failed", "handlers that threw"],
  bus_malformed_total: ["malformed", "what came and was no message"],
};

/**
 * Registers the metrics of a bus: ten counters (`parti_bus_calls_total`, …) and the gauges `parti_bus_pending`, `parti_bus_working` and
 * `parti_bus_actors`.
 *
 * @param options what is measured, and where it goes
 */
export function busMetrics(
  { bus, actors, prefix = "parti_", ...options }: BusMetricsOptions,
): void {
  const registers = [options.registry as Registry];
  for (const [name, [count, help]] of Object.entries(COUNTERS)) {
    let told = 0;
    new Counter({
      ...{ name: prefix + name, help, registers },
      collect() {
        const now = bus.counts[count];
        this.inc(now - told);
        told = now;
      },
    });
  }
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      ...{ name: prefix + name, help, registers },
      collect() {
        this.set(read());
      },
    });
  };
  gauge("bus_pending", "calls that wait for an answer", () => bus.pending);
  gauge("bus_working", "calls to handlers that are worked on", () => bus.working);
  if (actors !== undefined) {
    gauge("bus_actors", "actors that live on this node", () => actors.activations.length);
  }
}
