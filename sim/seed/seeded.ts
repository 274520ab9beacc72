/**
 * Randomness that is a pure function of the seed and of what it is for. Two draws for different purposes never depend on
 * each other's order, so a run that takes another turn still makes the same choices where it makes the same decisions.
 *
 * @module
 */
import type { Interval } from "../config/units.ts";

const MASK = (1n << 64n) - 1n;

/** One step of splitmix64: a bijection that mixes every bit into every other. */
function splitmix(state: bigint): bigint {
  let z = (state + 0x9e3779b97f4a7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

/** FNV-1a over the characters: short keys only, so its speed does not matter. */
function hashText(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    hash = ((hash ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n) & MASK;
  }
  return hash;
}

/** Draws for one purpose and one entity. */
export class Seeded {
  readonly #key: bigint;

  /**
   * @param seed the run's seed
   * @param label what it is for, such as `chaos`
   * @param entity for whom, such as a partition
   */
  constructor(seed: number, label: string, entity: string | number = "") {
    this.#key = splitmix(splitmix(BigInt(seed)) ^ hashText(`${label}\u0000${entity}`));
  }

  /**
   * A number in [0, 1).
   *
   * @param counter which draw
   * @returns always the same for the same counter
   */
  float(counter: number): number {
    return Number(splitmix(this.#key ^ splitmix(BigInt(counter))) >> 11n) / 2 ** 53;
  }

  /**
   * A whole number.
   *
   * @param counter which draw
   * @param min the least
   * @param max the greatest, included
   * @returns always the same for the same counter
   */
  int(counter: number, min: number, max: number): number {
    return min + Math.floor(this.float(counter) * (max - min + 1));
  }

  /**
   * A duration.
   *
   * @param counter which draw
   * @param interval its bounds
   * @returns milliseconds, always the same for the same counter
   */
  durationMs(counter: number, interval: Interval): number {
    return interval.minMs + this.float(counter) * (interval.maxMs - interval.minMs);
  }

  /**
   * A shuffled copy (Fisher–Yates).
   *
   * @param items what to shuffle
   * @param firstCounter the first of `items.length` draws it uses
   * @returns always the same order for the same counter
   */
  shuffled<T>(items: readonly T[], firstCounter = 0): T[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last--) {
      const other = this.int(firstCounter + last, 0, last);
      [result[last], result[other]] = [result[other]!, result[last]!];
    }
    return result;
  }
}

/**
 * A seed for a run that was given none.
 *
 * @returns a whole number that is easy to type again
 */
export function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000;
}
