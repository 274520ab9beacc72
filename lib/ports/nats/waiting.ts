/**
 * Things that wait for a moment each, thousands at a time, each under a number of its own. A `Map` does the same, but makes its table
 * anew whenever so many have come and gone, and that was half of what a publication cost here.
 *
 * @module
 */

const PLACES_MIN = 64;

/** Things by number. */
export class Waiting<T extends object> {
  /** A thing is at the place that the last bits of its number say. At least half of the places are free. */
  #places: (T | undefined)[] = new Array(PLACES_MIN).fill(undefined);
  /** The number of what is, or was last, at each place. */
  #numbers = new Float64Array(PLACES_MIN);
  #next = 0;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a thing in.
   *
   * @param thing the thing
   * @returns its number, which no other one had or will have
   */
  add(thing: T): number {
    if (this.#size * 2 >= this.#places.length) this.#grow();
    const mask = this.#places.length - 1;
    // Where one has been waiting for long its place is left out.
    while (this.#places[this.#next & mask] !== undefined) this.#next++;
    const number = this.#next++;
    this.#places[number & mask] = thing;
    this.#numbers[number & mask] = number;
    this.#size++;
    return number;
  }

  /**
   * Takes a thing out.
   *
   * @param number its number
   * @returns the thing; undefined if it is not there, or any more
   */
  take(number: number): T | undefined {
    const place = number & this.#places.length - 1;
    const thing = this.#places[place];
    if (thing === undefined || this.#numbers[place] !== number) return undefined;
    this.#places[place] = undefined;
    this.#size--;
    return thing;
  }

  /**
   * Looks for some.
   *
   * @param isMeant which are meant
   * @returns their numbers, in the order in which they came
   */
  find(isMeant: (thing: T) => boolean): number[] {
    const found: number[] = [];
    for (let place = 0; place < this.#places.length; place++) {
      const thing = this.#places[place];
      if (thing !== undefined && isMeant(thing)) found.push(this.#numbers[place]!);
    }
    return found.sort((a, b) => a - b);
  }

  /** Things that were apart in the last bits of their numbers are apart in more of them. */
  #grow(): void {
    const things = this.#places, numbers = this.#numbers;
    this.#places = new Array(things.length * 2).fill(undefined);
    this.#numbers = new Float64Array(things.length * 2);
    const mask = this.#places.length - 1;
    for (let place = 0; place < things.length; place++) {
      if (things[place] === undefined) continue;
      this.#places[numbers[place]! & mask] = things[place];
      this.#numbers[numbers[place]! & mask] = numbers[place]!;
    }
  }
}
