/**
 * Metrics as they travel: what prom-client's `getMetricsAsJSON` gives and its `AggregatorRegistry` takes.
 *
 * @module
 */

/** One value of a metric. */
export interface Sample {
  /** Its labels. */
  readonly labels: Readonly<Record<string, string | number>>;
  /** The value. */
  readonly value: number;
  /** For a histogram which of its series: its name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
}

/** A metric with all its values. */
export interface MetricFamily {
  /** Its name. */
  readonly name: string;
  /** What it tells. */
  readonly help: string;
  /** Its type. */
  readonly type: string;
  /** Its values. */
  readonly values: readonly Sample[];
  /** What prom-client does with values that have the same labels. */
  readonly aggregator: string;
}
