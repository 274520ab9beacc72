import assert from "node:assert/strict";
import type { CaseOutcome, Metric, StressCase } from "../case.ts";
import type { MeasuredCase } from "../run/runner.ts";
import { caseResults, conclude, studyResults } from "./conclude.ts";

const CPUS = 2;
const [IDLE, BUSY] = [1, 9];

const HEAP: Metric = {
  ...{ name: "heap", unit: "MB", kind: "memory", better: "lower", what: "heap" },
};

function measured(
  name: string,
  metrics: readonly Metric[],
  outcomes: readonly CaseOutcome[],
  more: Partial<StressCase> = {},
): MeasuredCase {
  const stressCase: StressCase = {
    ...{ group: "g", name, title: name, metrics, repetitions: 1, quick: true, server: false },
    timeoutMs: 1,
    run: () => Promise.resolve({ samples: [] }),
    ...more,
  };
  return { stressCase, outcomes, failures: [], loadAverages: outcomes.map(() => IDLE) };
}

const RATE: Metric = {
  ...{ name: "heap", unit: "msg/s", kind: "rate", better: "higher", what: "rate" },
  ...{ limit: "the bare loop", target: { atLeast: 0.85 } },
};
const round = (value: number, limit?: number) => ({
  ...{ metric: "heap", value },
  ...(limit === undefined ? {} : { limit }),
});

const samples = (...values: number[]): CaseOutcome[] =>
  values.map((value) => ({ samples: [{ metric: "heap", value }] }));

Deno.test("result: the baseline's median is taken off, and shares are made of what is left", () => {
  const metrics: Metric[] = [{ ...HEAP, overBaseline: true }, {
    ...{ ...HEAP, name: "perWorker" },
    share: { of: "heap", by: 4 },
  }];
  const [, result] = caseResults([
    measured("base", [HEAP], samples(10, 11, 90)),
    measured("one", metrics, samples(15, 19, 17), { baseline: "base" }),
  ]);
  assert.equal(result!.notes, undefined);
  const [heap, perWorker] = result!.metrics;
  assert.deepEqual(heap!.values, [4, 8, 6]);
  assert.deepEqual([heap!.median, heap!.min, heap!.max, heap!.count], [6, 4, 8, 3]);
  assert.equal(perWorker!.median, 1.5);
  assert.deepEqual([heap!.base, perWorker!.base], [[10, 11, 90], [2.5, 2.75, 22.5]]);
  assert.deepEqual(result!.failures, []);
});

Deno.test("result: a figure may be taken over another case than the others", () => {
  const metrics: Metric[] = [{ ...HEAP, over: "other" }];
  const [, , result] = caseResults([
    measured("base", [HEAP], samples(10)),
    measured("other", [HEAP], samples(12)),
    measured("one", metrics, samples(15), { baseline: "base" }),
  ]);
  assert.deepEqual(result!.metrics[0]!.values, [3]);
});

Deno.test("result: without its baseline a figure is not measured, instead of wrong", () => {
  const [, result] = caseResults([
    measured("base", [HEAP], []),
    measured("one", [{ ...HEAP, overBaseline: true }], samples(15), { baseline: "base" }),
  ]);
  assert.deepEqual(result!.metrics, []);
  assert.deepEqual(result!.failures, ["its baseline was not measured, g/base: no heap"]);
});

Deno.test("result: what is missing is told once, with its reason", () => {
  const over = { overBaseline: true };
  const metrics: Metric[] = [
    { ...HEAP, ...over },
    { ...HEAP, ...over, name: "rss" },
    { ...HEAP, name: "perWorker", share: { of: "heap", by: 4 } },
    { ...HEAP, name: "timers" },
  ];
  const both = [["heap", 15], ["rss", 80]] as const;
  const outcome = { samples: both.map(([metric, value]) => ({ metric, value })) };
  const [, result] = caseResults([
    measured("base", [HEAP], []),
    measured("one", metrics, [outcome], { baseline: "base" }),
  ]);
  assert.deepEqual(result!.failures, [
    "timers was not measured",
    "its baseline was not measured, g/base: no heap, rss",
  ]);
});

Deno.test("result: planted: a figure that some processes do not tell is not one of all", () => {
  const outcomes = [...samples(5, 6), { samples: [] }];
  const result = caseResults([measured("one", [HEAP], outcomes)]);
  assert.deepEqual(result[0]!.metrics[0]!.values, [5, 6]);
  assert.deepEqual(result[0]!.failures, ["heap was measured by 2 of 3 processes only"]);
  assert.equal(conclude(result, CPUS).verdict, "unknown");
});

Deno.test("result: a ratio is made run by run, and its bound is held against its median", () => {
  const rounds = [[90, 100], [40, 50], [95, 100], [180, 200], [10, 100]] as const;
  const outcome: CaseOutcome = { samples: rounds.map(([value, limit]) => round(value, limit)) };
  const [result] = caseResults([measured("one", [RATE], [outcome])]);
  const [metric] = result!.metrics;
  assert.deepEqual(metric!.ratio!.values, [0.9, 0.8, 0.95, 0.9, 0.1]);
  assert.equal(metric!.ratio!.median, 0.9);
  assert.equal(metric!.limit!.what, "the bare loop");
  assert.equal(metric!.holds, true);
});

Deno.test("result: planted: a bound on a ratio is not held against the figure where a limit is missing", () => {
  const outcome: CaseOutcome = { samples: [round(10, 100), round(10)] };
  const cases = caseResults([measured("one", [RATE], [outcome])]);
  const [metric] = cases[0]!.metrics;
  assert.deepEqual([metric!.median, metric!.ratio, metric!.holds], [10, undefined, undefined]);
  assert.deepEqual(conclude(cases, CPUS), {
    verdict: "unknown",
    reasons: ["g/one: heap was not measured beside its limit"],
  });
});

Deno.test("result: several processes have a value each, the median of their rounds; one alone has its rounds", () => {
  const process = (...values: number[]): CaseOutcome => ({
    samples: values.map((value) => round(value, 100)),
  });
  const of = (...outcomes: CaseOutcome[]) =>
    caseResults([measured("one", [RATE], outcomes)])[0]!.metrics[0]!;
  const three = of(process(90, 91, 10), process(80, 95, 81), process(70, 71, 72));
  assert.deepEqual([three.values, three.ratio!.values], [[90, 81, 71], [0.9, 0.81, 0.71]]);
  assert.deepEqual(of(process(90, 91, 10)).values, [90, 91, 10]);
});

Deno.test("result: planted: a bound of the full size is missed by a whole run, and none of a sanity check", () => {
  const metrics = [{ ...HEAP, target: { atMost: 5, full: true } }];
  const holds = (quick: boolean) =>
    caseResults([measured("one", metrics, samples(6))], quick)[0]!.metrics[0]!.holds;
  assert.equal(holds(false), false);
  assert.equal(holds(true), undefined);
});

Deno.test("result: a line and a power are read out of the cases that were measured", () => {
  const sized = (workers: number, value: number) =>
    measured(`w${workers}`, [HEAP], samples(value), { size: { workers, partitions: 1 } });
  const cases = caseResults([sized(1, 3), sized(2, 5), sized(4, 9)]);
  const study = {
    ...{ group: "g", name: "law", title: "law", over: "workers", metric: "heap" } as const,
    cases: ["w1", "w2", "w4", "w8"],
  };
  const [line] = studyResults([{ ...study, law: "line" }], cases);
  assert.equal(line!.line!.slope, 2);
  assert.deepEqual(line!.xs, [1, 2, 4]);
  const [power] = studyResults([{ ...study, law: "power" }], cases);
  assert.ok(power!.power!.exponent > 0.7 && power!.power!.exponent < 0.9);
  assert.deepEqual(studyResults([{ ...study, law: "line" }], cases.slice(0, 1)), []);
});

Deno.test("verdict: planted: a bound that is missed fails, unless the machine had too much to do and it is no memory", () => {
  const missed = (kind: "memory" | "duration", loads: number[], others: number[] = []) => {
    const metrics = [{ ...HEAP, kind, target: { atMost: 5 } }];
    const cases = caseResults([
      { ...measured("one", metrics, samples(6)), loadAverages: loads },
      { ...measured("other", [HEAP], samples(6)), loadAverages: others },
    ]);
    return conclude(cases, CPUS);
  };
  const failed = {
    verdict: "fail",
    reasons: ["g/one: heap is 6 MB, and should be at most 5"],
  };
  assert.deepEqual(missed("duration", [IDLE, IDLE]), failed);
  // One busy minute is that of the cases that ran in it.
  assert.deepEqual(missed("duration", [IDLE, IDLE], [BUSY]), failed);
  assert.equal(missed("duration", [IDLE, BUSY]).verdict, "unknown");
  assert.equal(missed("memory", [IDLE, BUSY]).verdict, "fail");
});

Deno.test("verdict: a problem fails, what could not be measured or was interrupted is unknown, all else passes", () => {
  const fine = caseResults([measured("one", [{ ...HEAP, target: { atMost: 5 } }], samples(5))]);
  assert.deepEqual(conclude(fine, CPUS), { verdict: "pass", reasons: [] });
  assert.equal(conclude(fine, CPUS, "it was interrupted").verdict, "unknown");
  const leaks = caseResults([
    measured("one", [HEAP], [{ samples: [{ metric: "heap", value: 1 }], problems: ["it leaks"] }]),
  ]);
  assert.deepEqual(conclude(leaks, CPUS).reasons, ["g/one: it leaks"]);
  const failed = caseResults([{ ...measured("one", [HEAP], []), failures: ["no server"] }]);
  assert.deepEqual(conclude(failed, CPUS), {
    verdict: "unknown",
    reasons: ["g/one: no server"],
  });
  const skipped = caseResults([measured("one", [HEAP], [])]);
  assert.equal(conclude(skipped, CPUS).verdict, "unknown");
});

Deno.test("result: what the processes of a case note is told once each, and keeps nothing from passing", () => {
  const outcomes = ["a", "b", "a"].map((note) => ({ ...samples(1)[0]!, notes: [note] }));
  const cases = caseResults([measured("one", [HEAP], outcomes)]);
  assert.deepEqual(cases[0]!.notes, ["a", "b"]);
  assert.equal(conclude(cases, CPUS).verdict, "pass");
});
