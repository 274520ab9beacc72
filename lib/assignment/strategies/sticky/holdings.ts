/**
 * What workers own, by weight, for choosing what to give away.
 *
 * @module
 */
import type { Board } from "./board.ts";

/** One worker's partitions, from light to heavy. Taking one out is cheap. */
export class Holding {
  readonly #items: Uint32Array;
  readonly #weight: Float64Array;
  /** Chains past items taken out: the place itself while it is there, else one further down (or up). */
  readonly #down: Int32Array;
  readonly #up: Int32Array;

  /**
   * Keeps the list as it is given.
   *
   * @param items the partitions, from light to heavy; among equals, those to give away first come last
   * @param weight all partitions' weights
   */
  constructor(items: Uint32Array, weight: Float64Array) {
    this.#items = items;
    this.#weight = weight;
    // Both are shifted by one, so that 0 and n + 1 stand for "none".
    this.#down = new Int32Array(items.length + 2).map((_, i) => i);
    this.#up = this.#down.slice();
  }

  /** How many partitions it was made with. */
  get size(): number {
    return this.#items.length;
  }

  /**
   * The partition at a place.
   *
   * @param place 1 for the lightest, {@linkcode size} for the heaviest
   * @returns the partition, whether taken out or not
   */
  at(place: number): number {
    return this.#items[place - 1]!;
  }

  /**
   * Where the heaviest partition up to a weight is.
   *
   * @param limit the weight
   * @returns its place, or 0 if there is none
   */
  heaviestUpTo(limit: number): number {
    return follow(this.#down, this.#count((weight) => weight <= limit));
  }

  /**
   * Where the lightest partition from a weight on is; among equals, the one to give away first.
   *
   * @param limit the weight
   * @returns its place, or 0 if there is none
   */
  lightestFrom(limit: number): number {
    const place = follow(this.#up, this.#count((weight) => weight < limit) + 1);
    if (place > this.#items.length) return 0;
    return this.heaviestUpTo(this.#weight[this.at(place)]!);
  }

  /**
   * Takes a partition out.
   *
   * @param place where it is
   */
  take(place: number): void {
    this.#down[place] = place - 1;
    this.#up[place] = place + 1;
  }

  /** How many of the first weights are of the light kind that `isLight` tells. */
  #count(isLight: (weight: number) => boolean): number {
    let low = 0, high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isLight(this.#weight[this.#items[middle]!]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What all workers own at one moment. */
export class Holdings {
  readonly #board: Board;
  readonly #homes: Int32Array;
  /** The partitions, grouped by owner, and where each group begins. */
  readonly #grouped: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #made = new Map<number, Holding>();

  /**
   * Groups the partitions by owner.
   *
   * @param board the board, every partition with an owner; later changes are not seen
   * @param homes each partition's home: what is not at home is given away first
   */
  constructor(board: Board, homes: Int32Array) {
    this.#board = board;
    this.#homes = homes;
    this.#starts = new Uint32Array(board.workers.length + 1);
    for (const w of board.owner) this.#starts[w + 1]!++;
    for (let w = 0; w < board.workers.length; w++) this.#starts[w + 1]! += this.#starts[w]!;
    const next = this.#starts.slice();
    this.#grouped = new Uint32Array(board.owner.length);
    for (let p = 0; p < board.owner.length; p++) this.#grouped[next[board.owner[p]!]!++] = p;
  }

  /**
   * What one worker owns.
   *
   * @param w the worker
   * @returns its holding, the same one each time
   */
  of(w: number): Holding {
    let holding = this.#made.get(w);
    if (!holding) {
      const { weight } = this.#board;
      const homes = this.#homes;
      const items = this.#grouped.slice(this.#starts[w]!, this.#starts[w + 1]!);
      const away = (p: number) => homes[p] === w ? 0 : 1;
      items.sort((a, b) => weight[a]! - weight[b]! || away(a) - away(b) || b - a);
      this.#made.set(w, holding = new Holding(items, weight));
    }
    return holding;
  }
}

/** Follows a chain to its end, shortening it on the way (path halving: Tarjan and van Leeuwen, 1984). */
function follow(chain: Int32Array, from: number): number {
  let at = from;
  while (chain[at] !== at) {
    chain[at] = chain[chain[at]!]!;
    at = chain[at]!;
  }
  return at;
}
