/**
 * Whoever has asked for a fresh look at the partitions and waits for the generation that comes of it.
 *
 * @module
 */

/** Those who wait. */
export class RefreshWaiters {
  #waiters: { resolve(generation: number): void; reject(error: unknown): void }[] = [];

  /** Whether somebody waits. */
  get any(): boolean {
    return this.#waiters.length > 0;
  }

  /**
   * Waits.
   *
   * @returns the generation in force, as soon as there is an answer
   * @throws what {@linkcode RefreshWaiters.refuse} was given
   */
  wait(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  /**
   * Answers all who wait.
   *
   * @param generation the generation in force
   */
  answer(generation: number): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(generation);
  }

  /**
   * Tells all who wait that it has failed.
   *
   * @param error why
   */
  refuse(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}
