/**
 * Finds the worker with the lowest or highest load per capacity, again and again, while loads change.
 *
 * @module
 */
import type { Board } from "./board.ts";

/**
 * Binary heaps of workers by load. Loads may change in one direction only (upwards for `lightest`, downwards for `heaviest`): a worker's
 * key is then merely out of date when it comes to the top, and is corrected there.
 *
 * Who is lightest after taking some weight depends on that weight, but not among workers of the same capacity: `lightest` has one heap for
 * each distinct capacity. `heaviest` has one for all: where every worker has a capacity of its own, it would look at all of them each time.
 */
export class WorkerHeap {
  readonly #board: Board;
  readonly #isLightest: boolean;
  readonly #load: Float64Array;
  /** By group. One whose workers have all been dropped stays, empty, for those that are taken in again. */
  readonly #heaps = new Map<number, number[]>();
  readonly #key: Float64Array;

  /**
   * Takes all workers in.
   *
   * @param board whose workers
   * @param which which end is looked for
   * @param load the loads to go by; the board's own unless given
   */
  constructor(board: Board, which: "lightest" | "heaviest", load = board.load) {
    this.#board = board;
    this.#load = load;
    this.#isLightest = which === "lightest";
    this.#key = load.map((_, w) => this.#keyOf(w));
    for (let w = 0; w < board.capacity.length; w++) {
      const group = this.#groupOf(w);
      let heap = this.#heaps.get(group);
      if (!heap) this.#heaps.set(group, heap = []);
      heap.push(w);
    }
    for (const heap of this.#heaps.values()) {
      for (let i = (heap.length >> 1) - 1; i >= 0; i--) this.#sink(heap, i);
    }
  }

  /**
   * The worker that would have the lowest load per capacity after taking some weight; for `heaviest`, the one that has the highest.
   *
   * @param weight the weight, of use for `lightest` only; 0 unless given
   * @returns the worker; undefined if all have been dropped
   */
  best(weight = 0): number | undefined {
    let best: number | undefined;
    let bestKey = Infinity;
    for (const heap of this.#heaps.values()) {
      const w = this.#top(heap);
      if (w === undefined) continue;
      const own = this.#key[w]!;
      const key = this.#isLightest ? (own + weight) / this.#board.capacity[w]! : own;
      if (key < bestKey || key === bestKey && w < best!) {
        best = w;
        bestKey = key;
      }
    }
    return best;
  }

  /**
   * Leaves a worker out from now on. It must be one that {@linkcode best} has just returned.
   *
   * @param w the worker
   */
  drop(w: number): void {
    const heap = this.#heaps.get(this.#groupOf(w));
    if (heap?.[0] !== w) return;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    this.#sink(heap, 0);
  }

  /**
   * Takes a dropped worker in again.
   *
   * @param w the worker
   */
  restore(w: number): void {
    const heap = this.#heaps.get(this.#groupOf(w))!;
    this.#key[w] = this.#keyOf(w);
    heap.push(w);
    let i = heap.length - 1;
    while (i > 0 && this.#before(heap[i]!, heap[(i - 1) >> 1]!)) {
      const up = (i - 1) >> 1;
      [heap[i], heap[up]] = [heap[up]!, heap[i]!];
      i = up;
    }
  }

  #groupOf(w: number): number {
    return this.#isLightest ? this.#board.capacity[w]! : 0;
  }

  /** The lowest comes first. */
  #keyOf(w: number): number {
    return this.#isLightest ? this.#load[w]! : -this.#load[w]! / this.#board.capacity[w]!;
  }

  #top(heap: number[]): number | undefined {
    while (heap.length > 0) {
      const w = heap[0]!;
      const key = this.#keyOf(w);
      if (key === this.#key[w]) return w;
      this.#key[w] = key;
      this.#sink(heap, 0);
    }
    return undefined;
  }

  #before(a: number, b: number): boolean {
    return this.#key[a]! < this.#key[b]! || this.#key[a] === this.#key[b] && a < b;
  }

  #sink(heap: number[], from: number): void {
    for (let i = from;;) {
      const left = 2 * i + 1, right = left + 1;
      let first = i;
      if (left < heap.length && this.#before(heap[left]!, heap[first]!)) first = left;
      if (right < heap.length && this.#before(heap[right]!, heap[first]!)) first = right;
      if (first === i) return;
      [heap[i], heap[first]] = [heap[first]!, heap[i]!];
      i = first;
    }
  }
}
