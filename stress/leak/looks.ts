/**
 * What was there at each look. It takes all its memory at once: looks that grew would be among what grows.
 *
 * @module
 */

/** Looks at several things. */
export class Looks<Name extends string> {
  readonly #names: readonly Name[];
  /** One look after another. */
  readonly #values: Float64Array;
  #count = 0;

  /**
   * @param names what is looked at
   * @param most how many looks there will be at most
   */
  constructor(names: readonly Name[], most: number) {
    this.#names = names;
    this.#values = new Float64Array(names.length * most);
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /**
   * Keeps one.
   *
   * @param values what there is
   * @throws {RangeError} if there were as many already as there may be
   */
  keep(values: Readonly<Record<Name, number>>): void {
    this.#values.set(this.#names.map((name) => values[name]), this.#count * this.#names.length);
    this.#count++;
  }

  /**
   * All there was of one thing, look by look.
   *
   * @param name the thing
   */
  of(name: Name): number[] {
    const at = this.#names.indexOf(name);
    return Array.from(
      { length: this.#count },
      (_, look) => this.#values[look * this.#names.length + at]!,
    );
  }
}
