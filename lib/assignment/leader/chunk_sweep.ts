/**
 * Removes what earlier leaders have left of their assignments, once per term: again until it has succeeded.
 *
 * @module
 */
import type { Publication } from "./publication.ts";

/** Sweeps once. */
export class ChunkSweep {
  readonly #onFailure: (error: unknown) => void;
  #isDue = true;
  #sweeping: Promise<void> = Promise.resolve();

  /** @param onFailure told when it has failed and is due again. Must not throw */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /**
   * Begins to sweep, if that is due.
   *
   * @param publication the term's pen
   */
  start(publication: Pick<Publication, "sweep">): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#sweeping = publication.sweep().catch((error) => {
      this.#isDue = true;
      this.#onFailure(error);
    });
  }

  /** Resolves when no sweep is under way. Never rejects. */
  idle(): Promise<void> {
    return this.#sweeping;
  }
}
