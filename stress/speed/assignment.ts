/**
 * How long a leader thinks: every strategy with a worker set it has not seen, in a fresh process and warm.
 *
 * @module
 */
import type { StrategyInput } from "../../lib/assignment/partition.ts";
import {
  STRATEGY_NAMES,
  strategyByName,
  type StrategyName,
} from "../../lib/assignment/strategies/strategies.ts";
import type { CaseOutcome, CaseSize, Fault, StressCase } from "../case.ts";
import { median } from "../statistics/spread.ts";

/** The sizes, and how long an assignment may take, in milliseconds. */
const SIZES: readonly (CaseSize & { readonly limitMs: number })[] = [
  { workers: 100, partitions: 1_500, limitMs: 3 },
  { workers: 100, partitions: 10_000, limitMs: 12 },
  { workers: 1_000, partitions: 100_000, limitMs: 110 },
];
const WARM_RUNS = 15;
/** The planted slowness: each assignment takes so many times as long. */
const SLOWNESS = 4;

function workersOf(count: number): StrategyInput["workers"] {
  return Array.from({ length: count }, (_, n) => ({ id: `worker-${n}`, capacity: 1, labels: {} }));
}

/** Dealt out to one worker less: nobody's code has run before the measuring. */
function inputOf({ workers, partitions }: CaseSize): StrategyInput {
  const digits = String(partitions).length;
  const parts = Array.from({ length: partitions }, (_, n) => ({
    id: `tenant-1.p-${String(n).padStart(digits, "0")}`,
    weight: 1,
  }));
  const previous = new Map(parts.map(({ id }, n) => [id, `worker-${n % (workers - 1)}`]));
  return { workers: workersOf(workers), partitions: parts, previous };
}

function timeOf(name: StrategyName, input: StrategyInput, slowness: number): number {
  const strategy = strategyByName(name);
  const startedAtMs = performance.now();
  strategy(input);
  // To compute it again would take less: a strategy remembers its ring, and code that runs more often becomes faster.
  const untilMs = startedAtMs + (performance.now() - startedAtMs) * slowness;
  while (performance.now() < untilMs);
  return performance.now() - startedAtMs;
}

function measure(name: StrategyName, size: CaseSize, fault: Fault | undefined): CaseOutcome {
  const input = inputOf(size);
  const slowness = fault === "slow" ? SLOWNESS : 1;
  const cold = timeOf(name, input, slowness);
  // Its own assignment of before, and one worker more than then.
  const own = strategyByName(name)({ ...input, workers: input.workers.slice(1) });
  const warmed = { ...input, previous: own };
  const warm = Array.from({ length: WARM_RUNS }, () => timeOf(name, warmed, slowness));
  return {
    samples: [
      { metric: "cold", value: cold },
      { metric: "warm", value: median(warm) },
    ],
  };
}

function assignmentCase(name: StrategyName, size: typeof SIZES[number]): StressCase {
  const { workers, partitions, limitMs } = size;
  const metric = (metric: string, what: string, target?: { readonly atMost: number }) => ({
    name: metric,
    unit: "ms",
    kind: "duration" as const,
    better: "lower" as const,
    what,
    ...(target === undefined ? {} : { target }),
  });
  return {
    group: "speed",
    name: `assignment-${name}-${workers}w-${partitions}p`,
    title:
      `${name}: an assignment of ${partitions} partitions to ${workers} workers, one of them new`,
    size: { workers, partitions },
    metrics: [
      // The engine still interprets the code: how long that takes says little of what a leader does all its life.
      metric("cold", "The first assignment that a process ever makes"),
      metric("warm", "An assignment for a worker set that is new, the code having run before", {
        atMost: limitMs,
      }),
    ],
    repetitions: 5,
    quick: name === "StickyBalanced" && partitions === 1_500,
    server: false,
    timeoutMs: 60_000,
    faults: ["slow"],
    run: ({ fault }) => Promise.resolve(measure(name, size, fault)),
  };
}

/** The cases. */
export const ASSIGNMENT_CASES: readonly StressCase[] = SIZES.flatMap((size) =>
  STRATEGY_NAMES.map((name) => assignmentCase(name, size))
);
