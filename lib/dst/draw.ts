/**
 * Randomness by key: each number follows from (seed, label, entity, counter) alone. There is no cursor that all share, so leaving out an
 * operation, or adding a place that draws, changes no other number: a failing run can be made smaller and still fail.
 *
 * @module
 */
import type { Random } from "../ports/random.ts";

const TWO_32 = 0x1_0000_0000;
const TWO_53 = 2 ** 53;

/** The finaliser of MurmurHash3: every bit of the input changes half of the output. */
function scramble(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Two words that follow from a key; each bit of the key changes half of both. */
function hashKey(seed: number, label: string, entity: string): [high: number, low: number] {
  let high = 0x9e3779b1 | 0;
  let low = 0x85ebca77 | 0;
  const absorb = (word: number): void => {
    high = Math.imul(high ^ word, 0x01000193);
    low = Math.imul(low ^ word, 0x2c1b3c6d);
    // A multiplication carries differences upwards only; this brings them down again.
    high ^= high >>> 15;
    low ^= low >>> 13;
  };
  absorb(Math.floor(seed / TWO_32));
  absorb(seed | 0);
  // With its length in front, no label and entity together look like another pair.
  absorb(label.length);
  for (let i = 0; i < label.length; i++) absorb(label.charCodeAt(i));
  for (let i = 0; i < entity.length; i++) absorb(entity.charCodeAt(i));
  return [scramble(high ^ scramble(low)), scramble(low + scramble(high + 1))];
}

/** A source of numbers under one key. */
export class Draws {
  readonly #high: number;
  readonly #low: number;
  #count = 0;

  /**
   * The same seed, label and entity give the same numbers.
   *
   * @param seed the seed of the run, an integer from 0 to 2^53 − 1
   * @param label what is drawn, such as `latency`
   * @param entity for whom, such as `worker-3`
   */
  constructor(seed: number, label: string, entity = "") {
    [this.#high, this.#low] = hashKey(seed, label, entity);
  }

  /** How many numbers were drawn. */
  get count(): number {
    return this.#count;
  }

  /** The next 32 bits, as an integer from 0 to 2^32 − 1. */
  bits(): number {
    return this.#lowBits(this.#count++) >>> 0;
  }

  /** The next number in [0, 1), with 53 bits. */
  float(): number {
    return this.floatAt(this.#count++);
  }

  /**
   * The number in [0, 1) that {@linkcode float} gives when `counter` were drawn before. It counts as no draw, so it can be asked for by
   * the number of an operation, and leaving the operation out changes no other.
   *
   * @param counter which one, an integer from 0
   */
  floatAt(counter: number): number {
    const high = this.#highBits(counter) >>> 6;
    const low = this.#lowBits(counter) >>> 5;
    return (high * 0x800_0000 + low) / TWO_53;
  }

  /**
   * The next integer.
   *
   * @param min the least, inclusive
   * @param max the most, inclusive
   */
  integer(min: number, max: number): number {
    return min + Math.floor(this.float() * (max - min + 1));
  }

  /**
   * The next number in a range.
   *
   * @param min the least, inclusive
   * @param max the most, exclusive
   */
  between(min: number, max: number): number {
    return min + this.float() * (max - min);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One of a list, which must not be empty. */
  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError("nothing to pick from");
    return from[this.integer(0, from.length - 1)] as T;
  }

  /** The same list in another order. */
  shuffle<T>(list: readonly T[]): T[] {
    const mixed = [...list];
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
    }
    return mixed;
  }

  // Both words of the key go into either half. A half that knew only one would be the same for keys that differ in the other.

  #highBits(counter: number): number {
    return scramble(scramble(this.#high + Math.imul(counter, 0x9e3779b1)) ^ this.#low);
  }

  #lowBits(counter: number): number {
    return scramble(scramble(this.#low + Math.imul(counter, 0x85ebca77)) ^ this.#high);
  }
}

/**
 * A {@linkcode Random} port on keyed draws.
 *
 * @param seed the seed of the run
 * @param entity whose it is: a node and its incarnation
 * @returns the port
 */
export function drawnRandom(seed: number, entity: string): Random {
  const floats = new Draws(seed, "float", entity);
  const ids = new Draws(seed, "uuid", entity);
  const hex = () => ids.bits().toString(16).padStart(8, "0");
  return {
    float: () => floats.float(),
    uuid: () => {
      const digits = hex() + hex() + hex() + hex();
      const parts = [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16)];
      return [...parts, digits.slice(16, 20), digits.slice(20)].join("-");
    },
  };
}
