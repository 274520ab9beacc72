/**
 * Prints how evenly the strategies balance, how much they move and how long they take, beside the Go original:
 * `deno run tasks/strategy_table.ts`.
 *
 * Theoretical minima. For one worker more: its fair load has to flow to it. For one worker less: all it had has to go; and where
 * that includes partitions so heavy that nobody can take one and stay within the goal (1.05 × the mean, or the lowest
 * maximum found), somebody has to give something else away first: the cheapest way of doing that is counted in ("min within
 * goal"). A strategy that does not care about the goal is measured against the first part alone.
 *
 * @module
 */
import { consistentHash } from "../lib/assignment/strategies/consistent_hash.ts";
import type {
  AssignmentStrategy,
  StrategyInput,
  StrategyPartition,
  StrategyWorker,
} from "../lib/assignment/partition.ts";
import { roundRobin } from "../lib/assignment/strategies/round_robin.ts";
import { stickyBalanced } from "../lib/assignment/strategies/sticky_balanced.ts";
import { fairLevel } from "../lib/assignment/strategies/sticky/fair_level.ts";
import { weightedConsistentHash } from "../lib/assignment/strategies/weighted_consistent_hash.ts";

type Owners = ReadonlyMap<string, string>;

const SEEDS = 8;
const LEAVERS = 5;
const TIMED_RUNS = 15;
const TOLERANCE = 1.05;

const STRATEGIES: readonly (readonly [string, () => AssignmentStrategy])[] = [
  ["RoundRobin", () => roundRobin()],
  ["ConsistentHash", () => consistentHash()],
  ["WeightedConsistentHash", () => weightedConsistentHash()],
  ["StickyBalanced", () => stickyBalanced()],
];

/** From go-parti-lessons.md 3.2 and peers-measured.md ("needlessly" plus the leaver's 15 on −1); "–" where nothing was measured. */
const GO: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "10×100 equal": [["Go ConsistentHash", "1.49", "8.5 % = 0.93×", "–", "–"]],
  "10×100 skewed": [["Go WeightedConsistentHash", "1.68", "57 % of weight", "–", "–"]],
  "64×5000 equal": [["Go ConsistentHash", "1.40", "1.4 % = 0.91×", "–", "–"]],
  "64×5000 skewed": [["Go WeightedConsistentHash (weights 50–200)", "1.30", "1.6 %", "–", "–"]],
  "100×1500 equal": [
    ["Go ConsistentHash", "1.78", "1.0 % = 1.01×", "15 = 1.0×", "3.7 ms"],
    ["Go WeightedConsistentHash", "–", "–", "71 = 4.7×", "7.1 ms"],
    ["Go RoundRobin", "–", "–", "1,401 = 93×", "–"],
  ],
  "100×1500 skewed": [["Go WeightedConsistentHash", "1.30", "82 % of weight", "up to 85 %", "–"]],
};

/** A small random generator with a seed (mulberry32), so that the table is the same every time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

function workers(count: number): StrategyWorker[] {
  return Array.from({ length: count }, (_, i) => ({ id: `worker-${i}`, capacity: 1, labels: {} }));
}

function partitions(count: number, skewed: boolean, seed: number): StrategyPartition[] {
  const heavy = new Set<number>();
  const draw = random(seed);
  while (skewed && heavy.size < count / 20) heavy.add(Math.floor(draw() * count));
  return Array.from({ length: count }, (_, i) => ({
    id: `tenant-${seed}.p-${String(i).padStart(6, "0")}`,
    weight: heavy.has(i) ? 100 : 1,
  }));
}

function loads(input: StrategyInput, owners: Owners): Map<string, number> {
  const found = new Map(input.workers.map((worker) => [worker.id, 0]));
  for (const { id, weight } of input.partitions) {
    const owner = owners.get(id)!;
    found.set(owner, (found.get(owner) ?? 0) + weight);
  }
  return found;
}

function movedWeight(input: StrategyInput, owners: Owners): number {
  return input.partitions.reduce(
    (sum, { id, weight }) => input.previous.get(id) === owners.get(id) ? sum : sum + weight,
    0,
  );
}

/** The lowest maximum load that is known to be possible. */
function goal(input: StrategyInput): number {
  const best = stickyBalanced()({ ...input, previous: new Map() });
  const total = input.partitions.reduce((sum, { weight }) => sum + weight, 0);
  const lowest = Math.max(...loads(input, best).values());
  return Math.max(total / input.workers.length * TOLERANCE, lowest);
}

/** What has to move when a worker leaves, and what has to move to stay within the goal. */
function minimumOnLeave(input: StrategyInput, leaver: string): { plain: number; within: number } {
  const limit = goal(input);
  const orphans = input.partitions.filter(({ id }) => input.previous.get(id) === leaver);
  const plain = orphans.reduce((sum, { weight }) => sum + weight, 0);
  const before = loads(input, input.previous);
  const stay = input.workers.map(({ id }) => before.get(id)!).sort((a, b) => a - b);
  const heavy = orphans.map(({ weight }) => weight).filter((weight) => weight > 1)
    .sort((a, b) => b - a);
  // Each heavy one at another worker, the lightest ones first: two at one would displace more.
  const displaced = heavy.reduce(
    (sum, weight, i) => sum + Math.max(0, weight + stay[i]! - limit),
    0,
  );
  return { plain, within: plain + displaced };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const times = (value: number) => `${value.toFixed(2)}×`;

interface Measured {
  max: number[];
  maxAfter: number[];
  plus: number[];
  plusRatio: number[];
  minus: number[];
  minusPlain: number[];
  minusWithin: number[];
}

function measureMoves(make: () => AssignmentStrategy, w: number, p: number, skewed: boolean) {
  const m: Measured = {
    max: [],
    maxAfter: [],
    plus: [],
    plusRatio: [],
    minus: [],
    minusPlain: [],
    minusWithin: [],
  };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const strategy = make();
    const parts = partitions(p, skewed, seed);
    const cold = { workers: workers(w), partitions: parts, previous: new Map<string, string>() };
    const owners = strategy(cold);
    const height = (input: StrategyInput, result: Owners) => {
      const all = [...loads(input, result).values()];
      return Math.max(...all) / mean(all);
    };
    m.max.push(height(cold, owners));
    const more = { workers: workers(w + 1), partitions: parts, previous: owners };
    const grown = strategy(more);
    const weights = Float64Array.from(parts, ({ weight }) => weight);
    const { level } = fairLevel(weights, new Float64Array(w + 1).fill(1));
    m.plus.push(movedWeight(more, grown));
    m.plusRatio.push(movedWeight(more, grown) / level);
    m.maxAfter.push(height(more, grown));
    for (let k = 0; k < LEAVERS; k++) {
      const leaver = `worker-${Math.floor(k * w / LEAVERS)}`;
      const rest = cold.workers.filter(({ id }) => id !== leaver);
      const less = { workers: rest, partitions: parts, previous: owners };
      const shrunk = strategy(less);
      const minimum = minimumOnLeave(less, leaver);
      m.minus.push(movedWeight(less, shrunk));
      m.minusPlain.push(movedWeight(less, shrunk) / minimum.plain);
      m.minusWithin.push(movedWeight(less, shrunk) / minimum.within);
      m.maxAfter.push(height(less, shrunk));
    }
  }
  return m;
}

/** The median time of an assignment for a worker set not seen before, warm code, in milliseconds. */
function measureTime(make: () => AssignmentStrategy, w: number, p: number, skewed: boolean) {
  const parts = partitions(p, skewed, 1);
  const previous = make()({ workers: workers(w), partitions: parts, previous: new Map() });
  const input = { workers: workers(w + 1), partitions: parts, previous };
  const taken: number[] = [];
  for (let run = 0; run < TIMED_RUNS; run++) {
    const strategy = make();
    const startMs = performance.now();
    strategy(input);
    taken.push(performance.now() - startMs);
  }
  return taken.sort((a, b) => a - b)[TIMED_RUNS >> 1]!;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function printCase(w: number, p: number, skewed: boolean): void {
  const name = `${w}×${p} ${skewed ? "skewed" : "equal"}`;
  const title = skewed ? "5 % of the partitions at weight 100" : "equal weights";
  const lines = [`\n${w} workers × ${p} partitions, ${title}\n`];
  lines.push(row([
    "strategy",
    "max/mean (goal)",
    "max/mean after ±1, worst",
    "moved on +1 (÷ fair load)",
    "moved on −1 (÷ leaver's load; ÷ min within goal)",
    "time",
  ]));
  lines.push(row(["---", "---", "---", "---", "---", "---"]));
  const cold = { workers: workers(w), partitions: partitions(p, skewed, 1), previous: new Map() };
  const total = cold.partitions.reduce((sum, { weight }) => sum + weight, 0);
  const target = goal(cold) / (total / w);
  for (const [label, make] of STRATEGIES) {
    const m = measureMoves(make, w, p, skewed);
    lines.push(row([
      label,
      `${mean(m.max).toFixed(3)} (${target.toFixed(3)})`,
      Math.max(...m.maxAfter).toFixed(3),
      `${mean(m.plus).toFixed(0)} (${times(mean(m.plusRatio))})`,
      `${mean(m.minus).toFixed(0)} (${times(mean(m.minusPlain))}; ${times(mean(m.minusWithin))})`,
      `${measureTime(make, w, p, skewed).toFixed(1)} ms`,
    ]));
  }
  for (const [label, max, plus, minus, time] of GO[name] ?? []) {
    lines.push(row([label!, max!, "–", plus!, minus!, time!]));
  }
  // deno-lint-ignore no-console
  console.log(lines.join("\n"));
}

if (import.meta.main) {
  for (const [w, p] of [[10, 100], [64, 5000], [100, 1500]] as const) {
    for (const skewed of [false, true]) printCase(w, p, skewed);
  }
}
