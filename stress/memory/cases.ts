/**
 * Memory: the table of the seed, what a worker and a partition cost, and what connections alone cost.
 *
 * @module
 */
import type { Metric, StressCase, Study } from "../case.ts";
import { measureMemory, type MemoryCase } from "./measure.ts";

/** A worker may cost so much heap… */
const PER_WORKER_MAX_MB = 0.1;
/** …and the largest configuration of the seed's table so much in all. */
const LARGEST_MAX_MB = 5;
const LARGEST = "50w-500p";

const REPETITIONS = 5;
const TIMEOUT_MS = 180_000;

const over = { overBaseline: true, better: "lower" } as const;

function metricsOf(name: string, workers: number): readonly Metric[] {
  const metrics: Metric[] = [
    {
      ...{ name: "heap", unit: "MB", kind: "memory", ...over },
      what: "heap in use after forced collections under load, over the baseline",
      ...(name === LARGEST ? { target: { atMost: LARGEST_MAX_MB } } : {}),
    },
    {
      ...{ name: "code", unit: "MB", kind: "count", ...over },
      what: "the part of the heap that is code compiled by V8, over the baseline",
    },
    {
      ...{ name: "external", unit: "MB", kind: "memory", ...over },
      what: "buffers outside of the heap, over the baseline",
    },
    {
      ...{ name: "rss", unit: "MB", kind: "memory", ...over },
      what: "memory of the process in RAM, over the baseline",
    },
    {
      ...{ name: "processRss", unit: "MB", kind: "count", better: "lower" },
      what: "memory of the whole process in RAM, nothing taken off",
    },
    {
      ...{ name: "unisolated", unit: "MB", kind: "count", better: "lower" },
      what: "what a measurement that does not keep the server apart would say: the RSS of both",
    },
    { ...{ name: "timers", unit: "", kind: "count", ...over }, what: "pending timers" },
    { ...{ name: "sockets", unit: "", kind: "count", ...over }, what: "connections to the server" },
    {
      ...{ name: "subscriptions", unit: "", kind: "count", ...over },
      what: "subscriptions of these",
    },
    { ...{ name: "consumers", unit: "", kind: "count", ...over }, what: "consumers on the server" },
  ];
  if (workers === 0) return metrics;
  const perWorker: Metric = {
    ...{ name: "heapPerWorker", unit: "MB", kind: "count", better: "lower" },
    what: "heap over the baseline, divided by the workers",
    share: { of: "heap", by: workers },
    ...(name === LARGEST ? { target: { atMost: PER_WORKER_MAX_MB } } : {}),
  };
  const handled: Metric = {
    ...{ name: "handled", unit: "msg/s", kind: "count", better: "neither" },
    what: "messages handled while it was measured",
  };
  return [metrics[0]!, perWorker, ...metrics.slice(1), handled];
}

function memoryCase(name: string, title: string, what: MemoryCase, quick: boolean): StressCase {
  return {
    ...{ group: "memory", name, title, quick, server: true },
    ...{ repetitions: REPETITIONS, timeoutMs: TIMEOUT_MS, baseline: BASELINE },
    ...(what.workers === 0 ? {} : { size: { workers: what.workers, partitions: what.partitions } }),
    metrics: metricsOf(name, what.workers),
    run: (context) => measureMemory(what, context),
  };
}

const BASELINE = "baseline";

const baseline: StressCase = {
  ...{ group: "memory", name: BASELINE, quick: true, server: true },
  title: "Deno, all code, the stream and the load's process; no worker",
  ...{ repetitions: REPETITIONS, timeoutMs: TIMEOUT_MS },
  metrics: metricsOf(BASELINE, 0).map(({ overBaseline: _, ...metric }) => ({
    ...metric,
    what: metric.what.replace(", over the baseline", ""),
  })),
  run: (context) => measureMemory({ workers: 0, partitions: 100 }, context),
};

/**
 * Workers × partitions: the seed's table first, then what the laws need. All workers of a process have one connection, as those of the
 * program had that the seed's table was measured with.
 */
const SIZES = [
  ...[[1, 100], [5, 100], [10, 100], [10, 500], [25, 500], [50, 500]],
  ...[[20, 100], [30, 100]],
  ...[[10, 50], [10, 200], [10, 1_000]],
] as const;

const QUICK = new Set(["1w-100p", "10w-500p"]);

/** The cases. */
export const MEMORY_CASES: readonly StressCase[] = [
  baseline,
  ...SIZES.map(([workers, partitions]) => {
    const name = `${workers}w-${partitions}p`;
    const title = `${workers} workers over one connection, ${partitions} partitions`;
    return memoryCase(name, title, { workers, partitions }, QUICK.has(name));
  }),
  memoryCase(
    `${LARGEST}-apart`,
    "50 workers with a connection each, 500 partitions",
    { workers: 50, partitions: 500, apart: true },
    false,
  ),
  ...[10, 50].map((connections) =>
    memoryCase(
      `${connections}-connections`,
      `${connections} connections of the client, and no worker on them`,
      { workers: 0, partitions: 100, connections },
      false,
    )
  ),
];

/** What is read out of them. */
export const MEMORY_STUDIES: readonly Study[] = [
  {
    ...{ group: "memory", name: "per-worker", over: "workers", metric: "heap", law: "line" },
    title: "Heap for each worker more, 100 partitions",
    cases: [1, 5, 10, 20, 30].map((workers) => `${workers}w-100p`),
  },
  {
    ...{ group: "memory", name: "per-partition", over: "partitions", metric: "heap", law: "line" },
    title: "Heap for each partition more, 10 workers",
    cases: [50, 100, 200, 500, 1_000].map((partitions) => `10w-${partitions}p`),
  },
];
