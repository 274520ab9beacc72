/**
 * Finds the worker with the lowest or highest load per capacity, again and again, while loads change.
 *
 * @module
 */
import type { Board } from "./board.ts";

/**
 * Binary heaps of workers by load, one for each distinct capacity. Loads may change in one direction only (upwards for
 * `lightest`, downwards for `heaviest`): a worker's key is then merely out of date when it comes to the top, and is corrected there.
 */
export class WorkerHeap {
  readonly #board: Board;
  /** 1 to find the lightest, -1 to find the heaviest. */
  readonly #sign: 1 | -1;
  readonly #load: Float64Array;
  readonly #heaps: number[][] = [];
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
    this.#sign = which === "lightest" ? 1 : -1;
    this.#key = load.map((load) => load * this.#sign);
    const byCapacity = new Map<number, number[]>();
    for (let w = 0; w < board.capacity.length; w++) {
      const capacity = board.capacity[w]!;
      let heap = byCapacity.get(capacity);
      if (!heap) byCapacity.set(capacity, heap = []);
      heap.push(w);
    }
    this.#heaps.push(...byCapacity.values());
    for (const heap of this.#heaps) {
      for (let i = (heap.length >> 1) - 1; i >= 0; i--) this.#sink(heap, i);
    }
  }

  /**
   * The worker that would have the lowest load per capacity after taking some weight (for `heaviest`, the one that has the
   * highest).
   *
   * @param weight the weight; 0 unless given
   * @returns the worker; undefined if all have been dropped
   */
  best(weight = 0): number | undefined {
    let best: number | undefined;
    let bestKey = Infinity;
    for (const heap of this.#heaps) {
      const w = this.#top(heap);
      if (w === undefined) continue;
      const key = (this.#key[w]! + weight * this.#sign) / this.#board.capacity[w]!;
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
    const heap = this.#heaps.find((one) => one[0] === w);
    if (!heap) return;
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
    const capacity = this.#board.capacity[w]!;
    let heap = this.#heaps.find((one) =>
      one.length > 0 && this.#board.capacity[one[0]!] === capacity
    );
    if (!heap) {
      heap = [];
      this.#heaps.push(heap);
    }
    this.#key[w] = this.#load[w]! * this.#sign;
    heap.push(w);
    let i = heap.length - 1;
    while (i > 0 && this.#before(heap[i]!, heap[(i - 1) >> 1]!)) {
      const up = (i - 1) >> 1;
      [heap[i], heap[up]] = [heap[up]!, heap[i]!];
      i = up;
    }
  }

  #top(heap: number[]): number | undefined {
    while (heap.length > 0) {
      const w = heap[0]!;
      const key = this.#load[w]! * this.#sign;
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
