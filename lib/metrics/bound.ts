/**
 * Metrics of prom-client, bound to the labels that all of a collector's have; several collectors may share them.
 *
 * @module
 */
import { Counter, Gauge, Histogram, type Metric, type Registry } from "prom-client";
import { PartiError } from "../errors.ts";
import type { MetricSpec } from "./catalog.ts";

/** The part of prom-client's `Registry` that is needed: any version's will do. */
export interface MetricRegistry {
  /** Looks a metric up by its name. */
  getSingleMetric(name: string): unknown;
  /** Adds a metric. */
  registerMetric(metric: never): void;
}

/** One metric, bound to the labels that all have. */
export interface Bound {
  /** Adds to a counter. */
  add(count: number, labels?: Record<string, string>): void;
  /** Sets a gauge. */
  set(value: number, labels?: Record<string, string>): void;
  /** Puts a time into a histogram, which counts in seconds. */
  observeMs(durationMs: number, labels?: Record<string, string>): void;
}

/**
 * Checks what a user has chosen.
 *
 * @param prefix what all names begin with
 * @param labels the labels that all metrics have
 * @param specs the metrics
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if they are not allowed
 */
export function checkNames(
  prefix: string,
  labels: readonly string[],
  specs: readonly MetricSpec[],
): void {
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
  const own = new Set(specs.flatMap((spec) => Object.keys(spec.labels)));
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

/**
 * Registers a metric, or finds the one that is registered.
 *
 * @param spec the metric
 * @param name its name, with the prefix
 * @param registry where
 * @param all the labels that all metrics have
 * @param pull reads what it tells out of somewhere, whenever somebody asks; left out if it is told
 * @returns the metric with these labels
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the registry has another metric under that name
 */
export function bind(
  spec: MetricSpec,
  name: string,
  registry: Registry,
  all: Readonly<Record<string, string>>,
  pull?: (bound: Bound) => void,
): Bound {
  const bound = bindTo(spec, name, registry, all);
  if (pull === undefined) return bound;
  // prom-client calls it before it reads the metric. Of several that share one each reads its own.
  const metric = registry.getSingleMetric(name) as { collect?: () => void };
  const { collect } = metric;
  metric.collect = () => {
    collect?.();
    pull(bound);
  };
  return bound;
}

function bindTo(
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
