/**
 * What the library counts in this worker, reported to the coordinator now and then: nobody could scrape a process that comes and goes.
 *
 * @module
 */
import { Registry } from "prom-client";
import type { MetricsCollector } from "../../lib/metrics/collector.ts";
import { prometheusMetrics } from "../../lib/metrics/prometheus.ts";
import { type Clock, sleep } from "../../lib/ports/clock.ts";
import type { MetricFamily } from "../wire/metric_family.ts";
import type { Report } from "../wire/wire.ts";

/** What reporting needs. */
export interface MetricsReportOptions {
  /** The worker's clock. */
  readonly clock: Clock;
  /** Sends a report. */
  readonly report: (report: Report) => void;
}

/** What happened within it before a worker is killed is not counted. */
const INTERVAL_MS = 5_000;

/** Collects and reports. */
export class MetricsReport implements AsyncDisposable {
  /** For the library. */
  readonly collector: MetricsCollector;
  readonly #registry = new Registry();
  readonly #options: MetricsReportOptions;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;

  /** @param options what it needs */
  constructor(options: MetricsReportOptions) {
    this.#options = options;
    this.collector = prometheusMetrics({ registry: this.#registry });
    this.#running = this.#run();
  }

  /** Reports once more, and then no longer. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
    await this.#report();
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#report();
      await sleep(this.#options.clock, INTERVAL_MS, this.#ended.signal);
    }
  }

  async #report(): Promise<void> {
    const families = await this.#registry.getMetricsAsJSON() as unknown as MetricFamily[];
    this.#options.report({ kind: "metrics", families });
  }
}
