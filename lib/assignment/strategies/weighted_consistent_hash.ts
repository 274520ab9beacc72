/**
 * Consistent hashing with a bound on the load, where heavy partitions stay put.
 *
 * @module
 */
import { partitionHash, seedHash } from "./hash.ts";
import { numberOption } from "./options.ts";
import type { AssignmentStrategy, StrategyInput } from "../partition.ts";
import type { Ring } from "./ring.ts";
import { ringCache } from "./ring_cache.ts";
import { Board, NOBODY } from "./sticky/board.ts";
import { heavyFirst } from "./sticky/weight_order.ts";
import { WorkerHeap } from "./sticky/worker_heap.ts";

/** Options of {@linkcode weightedConsistentHash}. */
export interface WeightedConsistentHashOptions {
  /** Points per worker on the ring, 1 to 10,000; 150 unless given. */
  readonly virtualNodes?: number;
  /** The most a worker may carry, as a multiple of its capacity's share of all weight: 1.15 to 100; 1.3 unless given. */
  readonly overloadThreshold?: number;
  /** A partition is extreme from this multiple of the mean partition weight on: 1.5 to 1,000,000; 2 unless given. */
  readonly extremeThreshold?: number;
  /** Makes another placement of the same partitions, a whole number ≥ 0; 0 unless given. */
  readonly seed?: number;
}

/** One assignment in the making. */
interface Round {
  readonly board: Board;
  readonly ring: Ring;
  /** Each partition's previous owner. */
  readonly previous: Int32Array;
  /** The most each worker may carry. */
  readonly limit: Float64Array;
  /** Where on the ring each partition is. */
  place(p: number): number;
}

/**
 * The weighted consistent-hash strategy, in three steps:
 *
 * 1. Extreme partitions stay with their previous owner as long as it can carry them; new ones walk the ring to the
 *    first worker that can, the heaviest first.
 * 2. All others go to the first worker on the ring after their hash, those that are there already first, unless that would
 *    bring it above the overload threshold.
 * 3. Those left over stay with their previous owner if it has room, else walk on along the ring to the first worker
 *    with room; the lightest worker takes what fits nowhere.
 *
 * An owner follows mostly from names, so placements can be reproduced from the configuration; loads reach 1.3 times the mean.
 * {@linkcode stickyBalanced} balances better and moves as little.
 *
 * @param options points per worker, thresholds and seed
 * @returns the strategy
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for options out of range
 */
export function weightedConsistentHash(
  options: WeightedConsistentHashOptions = {},
): AssignmentStrategy {
  const { virtualNodes, overloadThreshold, extremeThreshold } = options;
  const nodes = numberOption("virtualNodes", virtualNodes, 150, 1, 10_000, true);
  const overload = numberOption("overloadThreshold", overloadThreshold, 1.3, 1.15, 100, false);
  const extreme = numberOption("extremeThreshold", extremeThreshold, 2, 1.5, 1e6, false);
  const seed = numberOption("seed", options.seed, 0, 0, Number.MAX_SAFE_INTEGER, true);
  const ringOf = ringCache(nodes, seed);
  return (input) => {
    const round = prepare(input, ringOf, overload, seed);
    const { board } = round;
    const meanWeight = board.weight.reduce((sum, one) => sum + one, 0) / board.weight.length;
    const [extremes, others] = split(board.weight, extreme * meanWeight);
    placeExtremes(round, extremes);
    placeLeftOver(round, placeOnRing(round, others));
    const owners = new Map<string, string>();
    for (let p = 0; p < board.owner.length; p++) {
      owners.set(board.partitions[p]!.id, board.workers[board.owner[p]!]!.id);
    }
    return owners;
  };
}

function prepare(
  input: StrategyInput,
  ringOf: (workers: Board["workers"]) => Ring,
  overload: number,
  seed: number,
): Round {
  const before = Board.of(input, overload - 1);
  const board = new Board(before.workers, before.partitions, overload - 1);
  const ring = ringOf(board.workers);
  const hashSeed = seedHash(seed);
  const hash = { hi: 0, lo: 0 };
  const mean = board.weight.reduce((sum, one) => sum + one, 0) /
    board.capacity.reduce((sum, one) => sum + one, 0);
  return {
    board,
    ring,
    previous: before.owner,
    limit: board.capacity.map((capacity) => (mean * overload + board.tiny) * capacity),
    place(p) {
      partitionHash(board.partitions[p]!.id, hashSeed, hash);
      return ring.find(hash);
    },
  };
}

/** Partitions heavier than a weight, and the others. */
function split(weights: Float64Array, limit: number): [Uint32Array, Uint32Array] {
  const heavier: number[] = [], others: number[] = [];
  for (let p = 0; p < weights.length; p++) (weights[p]! > limit ? heavier : others).push(p);
  return [Uint32Array.from(heavier), Uint32Array.from(others)];
}

function fits({ board, limit }: Round, p: number, w: number): boolean {
  return board.load[w]! + board.weight[p]! <= limit[w]!;
}

/** The first worker at or after a place of the ring that accepts. */
function walk({ ring }: Round, place: number, accepts: (w: number) => boolean): number {
  for (let step = 0; step < ring.size; step++) {
    const w = ring.ownerAt(place + step);
    if (accepts(w)) return w;
  }
  return NOBODY;
}

function placeExtremes(round: Round, extremes: Uint32Array): void {
  const { board, previous } = round;
  const inOrder = heavyFirst(board.weight, extremes).flatMap((alike) => [...alike]);
  const homeless: number[] = [];
  for (const p of inOrder) {
    const before = previous[p]!;
    // One that no worker can carry within the threshold stays where it is alone.
    const keeps = before !== NOBODY && (fits(round, p, before) || board.load[before] === 0);
    if (keeps) board.give(p, before);
    else homeless.push(p);
  }
  const lightest = new WorkerHeap(board, "lightest");
  for (const p of homeless) {
    // Extremes spread evenly: the ring only chooses among those that carry the least.
    const least = lightest.best(board.weight[p]!)!;
    const height = (board.load[least]! + board.weight[p]!) / board.capacity[least]! + board.tiny;
    const home = walk(
      round,
      round.place(p),
      (w) => (board.load[w]! + board.weight[p]!) / board.capacity[w]! <= height,
    );
    board.give(p, home === NOBODY ? least : home);
  }
}

/** Step 2. Returns what is left over. */
function placeOnRing(round: Round, others: Uint32Array): number[] {
  const { board, ring, previous } = round;
  const owners = Uint32Array.from(others, (p) => ring.ownerAt(round.place(p)));
  const newcomers: number[] = [], left: number[] = [];
  for (let i = 0; i < others.length; i++) {
    const p = others[i]!, w = owners[i]!;
    if (previous[p] !== w) newcomers.push(i);
    else if (fits(round, p, w)) board.give(p, w);
    else left.push(p);
  }
  for (const i of newcomers) {
    const p = others[i]!, w = owners[i]!;
    if (fits(round, p, w)) board.give(p, w);
    else left.push(p);
  }
  return left.sort((a, b) => a - b);
}

/** Step 3. */
function placeLeftOver(round: Round, left: readonly number[]): void {
  const { board, previous } = round;
  const homeless: number[] = [];
  for (const p of left) {
    const before = previous[p]!;
    if (before !== NOBODY && fits(round, p, before)) board.give(p, before);
    else homeless.push(p);
  }
  const lightest = new WorkerHeap(board, "lightest");
  for (const p of homeless) {
    const least = lightest.best(board.weight[p]!)!;
    // Only walk if somebody has room: the walk around a full ring is long.
    const to = fits(round, p, least)
      ? walk(round, round.place(p), (w) => fits(round, p, w))
      : least;
    board.give(p, to === NOBODY ? least : to);
  }
}
