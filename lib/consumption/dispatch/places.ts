/**
 * Places: so many handlers may run at once. A message whose handler has failed gives its place to others until it is tried again, so
 * that a partition in trouble holds up nobody else.
 *
 * @module
 */

/** A worker's places. */
export class Places {
  readonly #limit: number;
  /** Those that have given their place back and want one again, the one that waits longest first; made with the first of them. */
  #returning: Set<() => void> | undefined;
  #taken = 0;
  #hasReturned = false;

  /** @param limit how many there are */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes one for something new, when {@linkcode fill} asks for that. */
  take(): void {
    this.#taken++;
    this.#hasReturned = false;
  }

  /** Gives one back; {@linkcode fill} finds who gets it. */
  give(): void {
    this.#taken--;
  }

  /**
   * Waits for a place for something that had one before.
   *
   * @param signal ends the wait
   * @returns true if it has one now, which is to be given back; false if the signal came first
   */
  again(signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const enter = (): void => {
      this.#taken++;
      this.#hasReturned = true;
      resolve(true);
    };
    this.#returning ??= new Set();
    this.#returning.add(enter);
    signal.addEventListener("abort", () => {
      this.#returning?.delete(enter);
      resolve(false);
    }, { once: true });
    return promise;
  }

  /**
   * Fills the free places. What had one before goes first; but many that fail must not keep the others from being handled, so after one
   * of those comes something new, if there is anything.
   *
   * @param startNew takes one for something new; false if there is nothing
   */
  fill(startNew: () => boolean): void {
    while (this.#taken < this.#limit) {
      const isFilled = this.#hasReturned
        ? startNew() || this.#enterNext()
        : this.#enterNext() || startNew();
      if (!isFilled) return;
    }
  }

  #enterNext(): boolean {
    for (const enter of this.#returning ?? []) {
      this.#returning?.delete(enter);
      enter();
      return true;
    }
    return false;
  }
}
