/**
 * Leaks: a long run with workers that come and go.
 *
 * @module
 */
import { FAULTS, type Metric, type StressCase } from "../case.ts";
import { WATCHED, type Watched } from "./judge.ts";
import { measureLeak } from "./measure.ts";

const TIMEOUT_MS = 900_000;
/** What V8 optimises grows for ten minutes and more, and so do its lists of what depends on what: without it nothing grows but what is held. */
const NO_OPTIMISING = ["--no-turbofan", "--no-maglev"];
/** Workers come and go every 2.5 s or more slowly; fewer than three looks say nothing of a slope. */
const LEAST_DURATION_MS = 10_000;

function figure(name: string, unit: string, what: string): Metric {
  return { name, unit, kind: "count", better: "lower", what };
}

/** The slope by least squares, both ends of its 95 % interval, and below what growth is not told from noise. */
function slopes({ name, what, unit }: Watched): Metric[] {
  const perMinute = `${unit}/min`;
  const own = name === "objects" ? `${what} after forced collections, without compiled code` : what;
  return [
    figure(`${name}Slope`, perMinute, `growth of ${own}, by least squares`),
    figure(`${name}Low`, perMinute, "the lower end of its 95 % interval; above the floor it leaks"),
    figure(`${name}High`, perMinute, "the upper end"),
    figure(`${name}Floor`, perMinute, "growth that is not told from noise in a run of this length"),
  ];
}

/** The cases. */
export const LEAK_CASES: readonly StressCase[] = [
  {
    ...{ group: "leak", name: "churn", quick: true, server: true, repetitions: 1 },
    title:
      "10 workers, 500 partitions with long names under load (a sanity check: 100 with short ones); one comes and one goes, again and again",
    v8Flags: NO_OPTIMISING,
    ...{ timeoutMs: TIMEOUT_MS, leastDurationMs: LEAST_DURATION_MS },
    metrics: [
      ...WATCHED.flatMap(slopes),
      { ...figure("cycles", "", "workers that came and went"), better: "higher" },
      { ...figure("handled", "msg/s", "messages handled meanwhile"), better: "neither" },
    ],
    faults: ["loss", "starve", ...FAULTS.filter((fault) => fault.startsWith("leak"))],
    run: measureLeak,
  },
];
