/**
 * Leaks: a long run with workers that come and go.
 *
 * @module
 */
import type { Metric, StressCase } from "../case.ts";
import { measureLeak } from "./measure.ts";

const TIMEOUT_MS = 900_000;

function figure(name: string, unit: string, what: string): Metric {
  return { name, unit, kind: "count", better: "lower", what };
}

/** The cases. */
export const LEAK_CASES: readonly StressCase[] = [
  {
    ...{ group: "leak", name: "churn", quick: true, server: true, repetitions: 1 },
    title: "10 workers, 100 partitions under load; one comes and one goes, again and again",
    timeoutMs: TIMEOUT_MS,
    metrics: [
      figure(
        "slope",
        "MB/min",
        "growth of the heap after forced collections, without compiled code, by least squares",
      ),
      figure(
        "slopeLow",
        "MB/min",
        "the lower end of its 95 % interval; above the floor it is a leak",
      ),
      figure("slopeHigh", "MB/min", "the upper end"),
      figure("floor", "MB/min", "growth that is not told from noise in a run of this length"),
      { ...figure("cycles", "", "workers that came and went"), better: "higher" },
      { ...figure("handled", "msg/s", "messages handled meanwhile"), better: "neither" },
    ],
    run: measureLeak,
  },
];
