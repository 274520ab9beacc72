/**
 * Who wants to know of changes.
 *
 * @module
 */

/** A set of call-backs. The same function may be in it more than once. */
export class Listeners {
  readonly #all = new Set<{ readonly onChange: () => void }>();

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Adds a call-back.
   *
   * @param onChange what to call
   * @returns takes it out again; harmless if it is out
   */
  add(onChange: () => void): () => void {
    const entry = { onChange };
    this.#all.add(entry);
    return () => void this.#all.delete(entry);
  }

  /** Calls them all, in the order in which they were added; those added meanwhile are left out. */
  notify(): void {
    for (const { onChange } of [...this.#all]) onChange();
  }
}
