/**
 * A consistent-hash ring: every worker stands on it at many points, and a partition belongs to the first point at or after its
 * own hash. When a worker comes or goes only its own arcs change hands.
 *
 * Source: Karger et al., "Consistent Hashing and Random Trees", STOC 1997.
 *
 * @module
 */
import { ringPointHash, ringPointKey, workerHash } from "./hash.ts";
import type { Hash64 } from "./xxh3.ts";

/** More slices of the hash space than this are not made, however many points there are. */
const SLICE_BITS_MAX = 20;

/** A ring of workers, given by their place in a list. */
export class Ring {
  /** How many points there are. */
  readonly size: number;
  /** The points' hashes, ascending, in two halves, and whose they are. */
  readonly #hi: Uint32Array;
  readonly #lo: Uint32Array;
  readonly #owner: Uint32Array;
  /** For each slice of the hash space, the first point in it or after it: a look-up starts there and scans on. There is about one in each. */
  readonly #slices: Uint32Array;
  readonly #sliceShift: number;

  /**
   * Places all points.
   *
   * @param workerIds the workers, in an order that depends on nothing but their IDs, since it decides ties
   * @param virtualNodes points per worker, ≥ 1
   * @param seed makes another ring of the same workers
   */
  constructor(workerIds: readonly string[], virtualNodes: number, seed: Hash64) {
    this.size = workerIds.length * virtualNodes;
    const hi = new Uint32Array(this.size);
    const lo = new Uint32Array(this.size);
    const worker = { hi: 0, lo: 0 };
    const point = { hi: 0, lo: 0 };
    for (let w = 0, at = 0; w < workerIds.length; w++) {
      workerHash(workerIds[w]!, seed, worker);
      ringPointKey(worker, worker);
      for (let j = 0; j < virtualNodes; j++, at++) {
        ringPointHash(worker, j, point);
        hi[at] = point.hi;
        lo[at] = point.lo;
      }
    }
    this.#sliceShift = 32 - Math.min(SLICE_BITS_MAX, Math.ceil(Math.log2(this.size + 1)));
    this.#slices = sliceStarts(hi, this.#sliceShift);
    this.#hi = new Uint32Array(this.size);
    this.#lo = new Uint32Array(this.size);
    this.#owner = new Uint32Array(this.size);
    this.#place(hi, lo, virtualNodes);
  }

  /**
   * Where a hash falls.
   *
   * @param hash the hash
   * @returns the place of the first point at or after it; past the last point comes the first
   */
  find(hash: Hash64): number {
    const { hi, lo } = hash;
    let at = this.#slices[hi >>> this.#sliceShift]!;
    while (at < this.size && (this.#hi[at]! < hi || this.#hi[at] === hi && this.#lo[at]! < lo)) {
      at++;
    }
    return at === this.size ? 0 : at;
  }

  /**
   * Whose point it is.
   *
   * @param place a place; places wrap around
   * @returns the worker's place in the list given to the constructor
   */
  ownerAt(place: number): number {
    return this.#owner[place < this.size ? place : place % this.size]!;
  }

  /**
   * Puts each point into its slice, and there in order: hashes are spread evenly, so a slice has about one, and sorting costs hardly more
   * than looking. Equal hashes keep the order of the workers.
   */
  #place(hi: Uint32Array, lo: Uint32Array, virtualNodes: number): void {
    const free = this.#slices.slice();
    for (let from = 0; from < hi.length; from++) {
      const slice = hi[from]! >>> this.#sliceShift;
      const high = hi[from]!, low = lo[from]!;
      let at = free[slice]!++;
      for (; at > this.#slices[slice]! && this.#isAfter(at - 1, high, low); at--) {
        this.#hi[at] = this.#hi[at - 1]!;
        this.#lo[at] = this.#lo[at - 1]!;
        this.#owner[at] = this.#owner[at - 1]!;
      }
      this.#hi[at] = high;
      this.#lo[at] = low;
      this.#owner[at] = Math.floor(from / virtualNodes);
    }
  }

  #isAfter(at: number, hi: number, lo: number): boolean {
    return this.#hi[at]! > hi || this.#hi[at] === hi && this.#lo[at]! > lo;
  }
}

/** For each slice of the hash space, how many hashes are before it. */
function sliceStarts(hi: Uint32Array, shift: number): Uint32Array {
  const starts = new Uint32Array(1 << (32 - shift));
  for (const one of hi) starts[one >>> shift]!++;
  for (let slice = 0, before = 0; slice < starts.length; slice++) {
    const here = starts[slice]!;
    starts[slice] = before;
    before += here;
  }
  return starts;
}
