/**
 * The message IDs a stream remembers, so that a publication that is tried again is stored once.
 *
 * @module
 */

/** How long IDs are remembered unless a stream says otherwise, in milliseconds. */
export const DEFAULT_DUPLICATE_WINDOW_MS = 120_000;

interface Remembered {
  readonly sequence: number;
  readonly untilMs: number;
}

/** IDs with the sequences they were stored under. */
export class MessageIds {
  readonly #ids = new Map<string, Remembered>();
  readonly #windowMs: number;

  /** @param windowMs how long an ID is remembered, in milliseconds */
  constructor(windowMs: number = DEFAULT_DUPLICATE_WINDOW_MS) {
    this.#windowMs = windowMs;
  }

  /** How many are remembered, those included whose time is up and nobody has noticed. */
  get size(): number {
    return this.#ids.size;
  }

  /**
   * Remembers an ID.
   *
   * @param id the ID
   * @param sequence where its message was stored
   * @param storedAtMs when, in milliseconds
   */
  remember(id: string, sequence: number, storedAtMs: number): void {
    this.#ids.set(id, { sequence, untilMs: storedAtMs + this.#windowMs });
  }

  /**
   * Looks an ID up.
   *
   * @param id the ID
   * @param nowMs the time, in milliseconds
   * @returns the sequence its message was stored under; undefined if it is not remembered
   */
  find(id: string, nowMs: number): number | undefined {
    // They were put in by time, so those that are over come first.
    for (const [old, { untilMs }] of this.#ids) {
      if (untilMs > nowMs) break;
      this.#ids.delete(old);
    }
    return this.#ids.get(id)?.sequence;
  }

  /** Forgets all of them, as a server does that ends. */
  clear(): void {
    this.#ids.clear();
  }
}
