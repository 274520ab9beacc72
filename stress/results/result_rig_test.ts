/**
 * Made-up results for tests. No test of its own.
 *
 * @module
 */
import type { MetricKind } from "../case.ts";
import { spreadOf } from "../statistics/spread.ts";
import type { CaseResult, MetricResult, StressResult, StudyResult } from "./result.ts";

const KINDS: Readonly<Record<string, readonly [MetricKind, string, MetricResult["better"]]>> = {
  heap: ["memory", "MB", "lower"],
  start: ["duration", "ms", "lower"],
  rate: ["rate", "msg/s", "higher"],
  messages: ["count", "msg/s", "lower"],
};

/** A result of a machine that there is not. */
export function resultWith(
  cases: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>,
  more: Partial<StressResult> = {},
): StressResult {
  return {
    ...{ format: "parti-stress", version: 1, startedAt: "2026-11-27T12:00:00.000Z" },
    ...{ durationMs: 60_000, arguments: ["stress"], seed: 1, quick: false, fault: null },
    commit: "abc1234",
    machine: {
      ...{ cpuModel: "Example CPU", cpus: 2, memoryBytes: 8 * 1_024 ** 3 },
      ...{ platform: "linux x86_64", denoVersion: "2.9.6", natsServerVersion: "2.15.1" },
    },
    load: {
      cpus: 2,
      loadAverageBefore: 0,
      loadAverageHighest: 1,
      loadAverageAfter: 1,
      overloadedPart: 0,
      stolenPart: 0,
    },
    cases: Object.entries(cases).map(([id, figures]) => caseWith(id, figures)),
    ...{ studies: [], verdict: "pass", reasons: [] },
    ...more,
  } as StressResult;
}

function caseWith(id: string, figures: Readonly<Record<string, readonly number[]>>): CaseResult {
  const processes = Math.max(1, ...Object.values(figures).map((values) => values.length));
  return {
    loadAverages: Array.from({ length: processes }, () => 1),
    ...{ id, title: `what ${id} is`, series: [], problems: [], failures: [] },
    metrics: Object.entries(figures).map(([name, values]) => {
      const [kind, unit, better] = KINDS[name]!;
      return { ...{ name, kind, unit, better, what: `the ${name}`, values }, ...spreadOf(values) };
    }),
  };
}

const study = { over: "workers", metric: "heap", unit: "MB", xs: [1, 10, 100] } as const;
const fit = { r2: 1, count: 3 };

/** A result with one of everything. */
export function wholeResult(): StressResult {
  const result = resultWith({ "memory/a": { heap: [5, 6, 7] }, "leak/churn": { messages: [1] } });
  const [memory, leak] = result.cases;
  const series = [{ name: "heap", unit: "MB", atSeconds: [0, 1, 2], values: [5, 5.1, 5] }];
  const studies: StudyResult[] = [
    {
      ...{ ...study, id: "memory/line", title: "Heap by workers", law: "line", ys: [1, 10, 100] },
      line: { slope: 1, intercept: 0, slopeInterval: [0.9, 1.1], ...fit },
    },
    {
      ...{ ...study, id: "memory/power", title: "Messages", law: "power", ys: [0, 10, 1_000] },
      power: { exponent: 2, factor: 0.1, exponentInterval: [1.9, 2.1], ...fit },
    },
  ];
  return {
    ...{ ...result, studies, verdict: "fail", reasons: ["memory/a: heap is 6 MB"] },
    cases: [memory!, { ...leak!, series }],
  };
}
