/**
 * Memory: the table of the seed, what a worker and a partition cost, and what connections alone cost.
 *
 * @module
 */
import type { Metric, StressCase, Study } from "../case.ts";
import { measureMemory, type MemoryCase } from "./measure.ts";

/** What Go's table has for the largest configuration. It has no code in it, so this bounds what is beyond the library's. */
const LARGEST_MAX_MB = 5.44;
const LARGEST = "50w-500p";

const REPETITIONS = 5;
const TIMEOUT_MS = 180_000;

/** What is taken off: a process with Deno and the NATS client; and one with the library besides, which has made the stream. */
const [BASELINE, LIBRARY] = ["baseline", "library"];
const over = { overBaseline: true, better: "lower" } as const;

function metricsOf(name: string, workers: number): readonly Metric[] {
  const metrics: Metric[] = [
    {
      ...{ name: "heap", unit: "MB", kind: "memory", ...over },
      what: "heap in use after forced collections under load, over the baseline",
    },
    {
      ...{ name: "beyondLibrary", unit: "MB", kind: "memory", better: "lower", over: LIBRARY },
      what: "the same over a process that has the library loaded, too, and no worker",
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
  if (workers === 0) return metrics.filter(({ name }) => name !== "beyondLibrary");
  const perWorker = (own: string, of: string): Metric => ({
    ...{ name: own, unit: "MB", kind: "count", better: "lower" },
    what: `${of}, divided by the workers`,
    share: { of, by: workers },
  });
  const handled: Metric = {
    ...{ name: "handled", unit: "msg/s", kind: "count", better: "neither" },
    what: "messages handled while it was measured",
  };
  return [
    ...[metrics[0]!, perWorker("heapPerWorker", "heap")],
    metrics[1]!,
    perWorker("beyondPerWorker", "beyondLibrary"),
    ...[...metrics.slice(2), handled],
  ];
}

function memoryCase(name: string, title: string, what: MemoryCase, quick: boolean): StressCase {
  return {
    ...{ group: "memory", name, title, quick, server: true },
    ...{ repetitions: REPETITIONS, timeoutMs: TIMEOUT_MS, baseline: BASELINE },
    ...(what.workers === 0 ? {} : { faults: ["memory", "loss"] as const }),
    ...(what.workers === 0 ? {} : { size: { workers: what.workers, partitions: what.partitions } }),
    metrics: metricsOf(name, what.workers),
    run: (context) => measureMemory(what, context),
  };
}

const NOBODY = { workers: 0, partitions: 100 } as const;

const baseline: StressCase = {
  ...{ group: "memory", name: BASELINE, quick: true, server: true },
  title: "Deno and the NATS client, nothing else; the load runs beside",
  ...{ repetitions: REPETITIONS, timeoutMs: TIMEOUT_MS },
  metrics: metricsOf(BASELINE, 0).map(({ overBaseline: _, ...metric }) => ({
    ...metric,
    what: metric.what.replace(", over the baseline", ""),
  })),
  run: (context) => measureMemory({ ...NOBODY, loads: "client" }, context),
};

/** Its heap over the baseline is the library's code: what a program pays for it before any worker is made. */
const library = memoryCase(
  LIBRARY,
  "The library loaded and the stream made by it; no worker",
  { ...NOBODY, loads: "library" },
  true,
);

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
  library,
  ...SIZES.map(([workers, partitions]) => {
    const name = `${workers}w-${partitions}p`;
    const title = `${workers} workers over one connection, ${partitions} partitions`;
    return memoryCase(name, title, { loads: "group", workers, partitions }, QUICK.has(name));
  }),
  memoryCase(
    `${LARGEST}-apart`,
    "50 workers with a connection each, 500 partitions",
    { loads: "group", workers: 50, partitions: 500, apart: true },
    false,
  ),
  ...[10, 50].map((connections) =>
    memoryCase(
      `${connections}-connections`,
      `${connections} connections of the client, and no worker on them`,
      { ...NOBODY, loads: "client", connections },
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
