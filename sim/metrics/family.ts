/**
 * Metrics as values: what prom-client gives and takes as JSON, made from the catalog's entries and written in Prometheus' text format.
 *
 * @module
 */
import type { MetricObjectWithValues, MetricValue } from "prom-client";
import type { MetricFamily, Sample } from "../wire/metric_family.ts";
import type { MetricSpec } from "./catalog.ts";

export type { MetricFamily } from "../wire/metric_family.ts";

/** How a distribution looks at some moment. */
export interface Distribution {
  /** For each of the bounds how many values are at most that. */
  readonly counts: readonly number[];
  /** How many values there are. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
}

/**
 * A counter or a gauge.
 *
 * @param spec its entry of the catalog
 * @param samples its values, each with its labels
 */
export function valuesOf(
  spec: MetricSpec,
  samples: Iterable<readonly [labels: Sample["labels"], value: number]>,
): MetricFamily {
  const values = Array.from(samples, ([labels, value]) => ({ labels, value }));
  return { ...commonOf(spec), values };
}

/**
 * A histogram.
 *
 * @param spec its entry of the catalog
 * @param distribution its values
 */
export function histogramOf(spec: MetricSpec, distribution: Distribution): MetricFamily {
  const { counts, count, sum } = distribution;
  const bucket = (le: number | string, value: number): Sample => {
    return { metricName: `${spec.name}_bucket`, labels: { le }, value };
  };
  const values = [
    ...(spec.bounds ?? []).map((bound, index) => bucket(bound, counts[index] ?? 0)),
    bucket("+Inf", count),
    { metricName: `${spec.name}_sum`, labels: {}, value: sum },
    { metricName: `${spec.name}_count`, labels: {}, value: count },
  ];
  return { ...commonOf(spec), values };
}

function commonOf({ name, help, type }: MetricSpec): Omit<MetricFamily, "values"> {
  return { name, help, type, aggregator: "sum" };
}

/**
 * Puts several lists of metrics into one: what has the same name and labels is added up.
 *
 * @param lists the lists
 */
export async function sumOf(lists: readonly (readonly MetricFamily[])[]): Promise<MetricFamily[]> {
  return await (await aggregate(lists)).getMetricsAsJSON() as unknown as MetricFamily[];
}

/**
 * Writes lists of metrics in Prometheus' text format; what has the same name and labels is added up.
 *
 * @param lists the lists
 */
export async function exposition(
  lists: readonly (readonly MetricFamily[])[],
): Promise<string> {
  return await (await aggregate(lists)).metrics();
}

/** `deno compile` overflows its stack on a package that prom-client needs: it must not see it. The compiled program has no metrics. */
const PROM_CLIENT = "prom-client";

async function aggregate(lists: readonly (readonly MetricFamily[])[]) {
  const { AggregatorRegistry }: typeof import("prom-client") = await import(PROM_CLIENT);
  // prom-client takes a list of lists; its types say a list.
  const given = lists as unknown as MetricObjectWithValues<MetricValue<string>>[];
  return AggregatorRegistry.aggregate(given);
}
