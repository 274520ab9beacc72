/**
 * Inputs for tests of strategies, and what can be said of their answers.
 *
 * @module
 */
import fc from "fast-check";
import type {
  AssignmentStrategy,
  StrategyInput,
  StrategyPartition,
  StrategyWorker,
} from "../partition.ts";
import { compareText } from "./order.ts";

/** Partition → worker. */
export type Owners = ReadonlyMap<string, string>;

/**
 * Workers `worker-<n>`.
 *
 * @param numbers their numbers, or how many there are from 0 on
 * @param capacityOf each one's capacity by number; 1 unless given
 * @returns the workers
 */
export function workers(
  numbers: number | readonly number[],
  capacityOf: (n: number) => number = () => 1,
): StrategyWorker[] {
  const list = typeof numbers === "number" ? Array.from({ length: numbers }, (_, i) => i) : numbers;
  return list.map((n) => ({ id: `worker-${n}`, capacity: capacityOf(n), labels: {} }));
}

/**
 * Partitions with names that hash differently for each seed, sorted by identity.
 *
 * @param count how many
 * @param weightOf each one's weight by number; 1 unless given
 * @param seed part of the names
 * @returns the partitions
 */
export function partitions(
  count: number,
  weightOf: (i: number) => number = () => 1,
  seed = 0,
): StrategyPartition[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `tenant-${seed}.p-${i}`,
    weight: weightOf(i),
  })).sort((a, b) => compareText(a.id, b.id));
}

/**
 * Runs a strategy.
 *
 * @param strategy the strategy
 * @param workers the workers
 * @param partitions the partitions
 * @param previous who owned what; nobody anything unless given
 * @returns who owns what
 */
export function assign(
  strategy: AssignmentStrategy,
  workers: readonly StrategyWorker[],
  partitions: readonly StrategyPartition[],
  previous: Owners = new Map(),
): Owners {
  return strategy({ workers, partitions, previous });
}

/**
 * Each worker's load.
 *
 * @param input the workers and partitions
 * @param owners who owns what
 * @returns worker → load, also of those that own nothing
 */
export function loads(
  input: Pick<StrategyInput, "workers" | "partitions">,
  owners: Owners,
): Map<string, number> {
  const found = new Map(input.workers.map(({ id }) => [id, 0]));
  for (const { id, weight } of input.partitions) {
    const owner = owners.get(id)!;
    found.set(owner, found.get(owner)! + weight);
  }
  return found;
}

/**
 * The highest load per capacity over the mean one.
 *
 * @param input the workers and partitions
 * @param owners who owns what
 * @returns 1 for perfect balance
 */
export function unevenness(
  input: Pick<StrategyInput, "workers" | "partitions">,
  owners: Owners,
): number {
  const found = loads(input, owners);
  const weight = input.partitions.reduce((sum, one) => sum + one.weight, 0);
  const capacity = input.workers.reduce((sum, one) => sum + one.capacity, 0);
  const heights = input.workers.map((worker) => found.get(worker.id)! / worker.capacity);
  return Math.max(...heights) / (weight / capacity);
}

/**
 * The weight of what changed hands.
 *
 * @param partitions the partitions
 * @param before who owned what
 * @param after who owns what
 * @returns the weight
 */
export function movedWeight(
  partitions: readonly StrategyPartition[],
  before: Owners,
  after: Owners,
): number {
  return partitions.reduce(
    (sum, { id, weight }) => before.get(id) === after.get(id) ? sum : sum + weight,
    0,
  );
}

/** Any input: unlike weights and capacities, and a previous assignment that knows workers and partitions that are gone. */
export const anyInput: fc.Arbitrary<StrategyInput> = fc.record({
  workerNumbers: fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 12 }),
  capacities: fc.array(fc.constantFrom(0.5, 1, 1, 1, 2, 3.7), { minLength: 31, maxLength: 31 }),
  weights: fc.array(
    fc.oneof(
      fc.constant(1),
      fc.constantFrom(0.1, 2, 7.3, 100),
      fc.double({ min: 0.01, max: 50, noNaN: true }),
    ),
    {
      maxLength: 60,
    },
  ),
  previous: fc.array(fc.tuple(fc.nat(70), fc.nat(35)), { maxLength: 80 }),
}).map(({ workerNumbers, capacities, weights, previous }) => ({
  workers: workers(workerNumbers.sort((a, b) => a - b), (n) => capacities[n]!),
  partitions: partitions(weights.length, (i) => weights[i]!),
  previous: new Map(previous.map(([p, w]) => [`tenant-0.p-${p}`, `worker-${w}`])),
}));
