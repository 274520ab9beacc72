/**
 * A set of whole numbers kept as intervals. A partition that has had a million messages without a hole costs one pair of
 * numbers, so that a day-long run fits in memory and is still exact.
 *
 * @module
 */

/** A set of whole numbers, compact where they are contiguous. */
export class IntervalSet {
  // Sorted, disjoint and never touching: starts[i] ≤ ends[i] < starts[i + 1] - 1.
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #size = 0;

  /** How many numbers it holds. */
  get size(): number {
    return this.#size;
  }

  /** The greatest number; 0 if it is empty. */
  get max(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /**
   * Adds the numbers from `first` to `last`.
   *
   * @param first the first
   * @param last the last, included; `first` if left out
   * @returns how many of them were new
   */
  add(first: number, last = first): number {
    if (last < first) return 0;
    // The intervals that overlap or touch the new one are [low, high).
    const low = this.#firstEndingAtOrAfter(first - 1);
    let high = low;
    let start = first;
    let end = last;
    let covered = 0;
    while (high < this.#starts.length && this.#starts[high]! <= last + 1) {
      covered += this.#ends[high]! - this.#starts[high]! + 1;
      start = Math.min(start, this.#starts[high]!);
      end = Math.max(end, this.#ends[high]!);
      high++;
    }
    this.#starts.splice(low, high - low, start);
    this.#ends.splice(low, high - low, end);
    const added = end - start + 1 - covered;
    this.#size += added;
    return added;
  }

  /**
   * Whether a number is in the set.
   *
   * @param value the number
   */
  has(value: number): boolean {
    const index = this.#firstEndingAtOrAfter(value);
    return index < this.#starts.length && this.#starts[index]! <= value;
  }

  /** The intervals, ascending, both ends included. */
  *ranges(): Generator<[first: number, last: number]> {
    for (let index = 0; index < this.#starts.length; index++) {
      yield [this.#starts[index]!, this.#ends[index]!];
    }
  }

  /**
   * The numbers of this set that are not in another.
   *
   * @param other the other set
   * @returns intervals, ascending, both ends included
   */
  *minus(other: IntervalSet): Generator<[first: number, last: number]> {
    for (const [first, last] of this.ranges()) {
      let next = first;
      let index = other.#firstEndingAtOrAfter(first);
      while (index < other.#starts.length && other.#starts[index]! <= last) {
        if (other.#starts[index]! > next) yield [next, other.#starts[index]! - 1];
        next = other.#ends[index]! + 1;
        index++;
      }
      if (next <= last) yield [next, last];
    }
  }

  /**
   * Makes a set from intervals.
   *
   * @param ranges the intervals, both ends included
   */
  static of(ranges: Iterable<readonly [number, number]>): IntervalSet {
    const set = new IntervalSet();
    for (const [first, last] of ranges) set.add(first, last);
    return set;
  }

  #firstEndingAtOrAfter(value: number): number {
    let low = 0;
    let high = this.#ends.length;
    // Nearly every number comes at the end.
    if (high > 0 && this.#ends[high - 1]! < value) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The numbers of a set that are in neither of two others.
 *
 * @param set the set
 * @param first what is taken away
 * @param second what is taken away, too
 * @returns intervals, ascending, both ends included
 */
export function* minusBoth(
  set: IntervalSet,
  first: IntervalSet,
  second: IntervalSet,
): Generator<[number, number]> {
  const rest = new IntervalSet();
  for (const [from, to] of set.minus(first)) rest.add(from, to);
  yield* rest.minus(second);
}

/**
 * The numbers of some intervals that are in a set.
 *
 * @param ranges intervals, both ends included
 * @param set the set
 * @returns intervals, ascending, both ends included
 */
export function* intersect(
  ranges: readonly (readonly [number, number])[],
  set: IntervalSet,
): Generator<[number, number]> {
  for (const [first, last] of ranges) {
    for (const [from, to] of set.ranges()) {
      if (from <= last && to >= first) yield [Math.max(from, first), Math.min(to, last)];
    }
  }
}

/**
 * What of ranges lies below a number.
 *
 * @param ranges the ranges, ascending
 * @param below the first number that is not wanted any more
 * @returns the rest of them
 */
export function clipped(
  ranges: Iterable<readonly [number, number]>,
  below: number,
): [number, number][] {
  const rest: [number, number][] = [];
  for (const [first, last] of ranges) {
    if (first >= below) break;
    rest.push([first, Math.min(last, below - 1)]);
  }
  return rest;
}

/**
 * Counts the numbers of intervals.
 *
 * @param ranges intervals, both ends included
 * @returns how many numbers they hold
 */
export function countOf(ranges: Iterable<readonly [number, number]>): number {
  let count = 0;
  for (const [first, last] of ranges) count += last - first + 1;
  return count;
}

/**
 * Writes intervals for people.
 *
 * @param ranges intervals, both ends included
 * @param limit how many of them at most
 * @returns such as `3, 7-9, …`
 */
export function describeRanges(ranges: readonly (readonly [number, number])[], limit = 5): string {
  const shown = ranges.slice(0, limit)
    .map(([first, last]) => first === last ? `${first}` : `${first}-${last}`);
  return [...shown, ...(ranges.length > limit ? ["…"] : [])].join(", ");
}
