/**
 * The table on which the sticky strategy works: workers and partitions by number, loads in typed arrays.
 *
 * @module
 */
import { sortedPartitions, sortedWorkers } from "../order.ts";
import type { StrategyInput, StrategyPartition, StrategyWorker } from "../../partition.ts";
import { fairLevel } from "./fair_level.ts";

/** Stands for "nobody" where a worker's number is expected. */
export const NOBODY: number = -1;

/** Workers, partitions and who owns what. Workers and partitions are numbered in their own order. */
export class Board {
  /** The workers, sorted by ID. */
  readonly workers: readonly StrategyWorker[];
  /** The partitions, sorted by identity. */
  readonly partitions: readonly StrategyPartition[];
  /** Each worker's capacity. */
  readonly capacity: Float64Array;
  /** Each partition's weight. */
  readonly weight: Float64Array;
  /** Each partition's owner, or {@linkcode NOBODY}. */
  readonly owner: Int32Array;
  /** Each worker's load: the weights of what it owns. */
  readonly load: Float64Array;
  /** The load each worker should carry. */
  readonly fair: Float64Array;
  /** The load from which on a worker gives partitions away. */
  readonly most: Float64Array;
  /** The load below which a worker gets partitions from others. */
  readonly least: Float64Array;
  /** Differences of load per capacity up to this are rounding errors. */
  readonly tiny: number;

  /**
   * Makes a board on which nobody owns anything.
   *
   * @param workers sorted by ID
   * @param partitions sorted by identity
   * @param tolerance how far a load may be from the fair one, as a part of it
   */
  constructor(
    workers: readonly StrategyWorker[],
    partitions: readonly StrategyPartition[],
    tolerance: number,
  ) {
    this.workers = workers;
    this.partitions = partitions;
    this.capacity = Float64Array.from(workers, (worker) => worker.capacity);
    this.weight = new Float64Array(partitions.length);
    for (let p = 0; p < partitions.length; p++) this.weight[p] = partitions[p]!.weight;
    this.owner = new Int32Array(partitions.length).fill(NOBODY);
    this.load = new Float64Array(workers.length);
    const { level, mean } = fairLevel(this.weight, this.capacity);
    this.fair = this.capacity.map((capacity) => level * capacity);
    this.most = this.fair.map((load) => load * (1 + tolerance));
    this.least = this.fair.map((load) => load * (1 - tolerance));
    this.tiny = mean * 1e-9;
  }

  /**
   * The board of an input: each partition with its previous owner if that one is still there.
   *
   * @param input what the strategy was given
   * @param tolerance how far a load may be from the fair one, as a part of it
   * @returns the board
   * @throws {PartiError} `PARTI_INVALID_ASSIGNMENT` for no workers or bad ones
   */
  static of(input: StrategyInput, tolerance: number): Board {
    const board = new Board(sortedWorkers(input), sortedPartitions(input), tolerance);
    if (input.previous.size === 0) return board;
    const numbers = new Map<string, number>();
    board.workers.forEach((worker, w) => numbers.set(worker.id, w));
    for (let p = 0; p < board.owner.length; p++) {
      const before = input.previous.get(board.partitions[p]!.id);
      const w = before === undefined ? undefined : numbers.get(before);
      if (w !== undefined) board.give(p, w);
    }
    return board;
  }

  /**
   * Gives a partition to a worker, taking it from its owner if it has one.
   *
   * @param p the partition
   * @param to the worker
   */
  give(p: number, to: number): void {
    const from = this.owner[p]!;
    const weight = this.weight[p]!;
    if (from !== NOBODY) this.load[from]! -= weight;
    this.owner[p] = to;
    this.load[to]! += weight;
  }

  /**
   * Adds the loads up anew in a fixed order. Loads kept by adding and subtracting depend on history in their last bits; with
   * these, the same assignment is judged alike whoever looks at it.
   */
  recount(): void {
    this.load.fill(0);
    for (let p = 0; p < this.owner.length; p++) {
      const w = this.owner[p]!;
      if (w !== NOBODY) this.load[w]! += this.weight[p]!;
    }
  }

  /**
   * How heavy a partition a worker can take: it must end no further from its fair load than before, and within its limit.
   *
   * @param w the worker
   * @returns the weight, below 0 if it has too much already
   */
  room(w: number): number {
    const load = this.load[w]!;
    return Math.min(2 * (this.fair[w]! - load), this.most[w]! - load) +
      this.tiny * this.capacity[w]!;
  }

  /**
   * How heavy a partition a worker can spare: it must end no further from its fair load than before, and within its limit.
   *
   * @param w the worker
   * @returns the weight, below 0 if it has too little already
   */
  spare(w: number): number {
    const load = this.load[w]!;
    return Math.min(2 * (load - this.fair[w]!), load - this.least[w]!) +
      this.tiny * this.capacity[w]!;
  }

  /**
   * Below which weight a move leaves the receiver lower than the giver was. Every move must: then the sorted list of loads
   * shrinks with each one, and moving comes to an end.
   *
   * @param from the giver
   * @param to the receiver
   * @returns the weight, not included
   */
  gainLimit(from: number, to: number): number {
    const height = this.load[from]! / this.capacity[from]! - this.tiny;
    return height * this.capacity[to]! - this.load[to]!;
  }

  /**
   * Whether a move leaves the receiver lower than the giver was.
   *
   * @param weight the weight moved
   * @param from the giver
   * @param to the receiver
   * @returns true if it does
   */
  improves(weight: number, from: number, to: number): boolean {
    return weight < this.gainLimit(from, to);
  }
}
