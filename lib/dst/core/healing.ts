/**
 * What undoes the faults that last. Each has a target, and only the latest on a target undoes anything: where two overlap, the end of the
 * first must not end the second.
 *
 * @module
 */
import type { Kernel } from "../kernel/kernel.ts";

/** Whatever lasts and has not been undone. */
export class Healing {
  readonly #kernel: Kernel;
  /** The latest fault on each target, as what undoes it. */
  readonly #latest = new Map<string, () => void>();

  /** @param kernel time */
  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /**
   * A fault lasts from now on, in the place of any other on its target.
   *
   * @param target what it strikes: a process, a link, the server
   * @param forMs for how long, in milliseconds
   * @param undo ends it; not called if another fault takes its place before
   * @returns whether it still lasts
   */
  after(target: string, forMs: number, undo: () => void): () => boolean {
    const lasts = (): boolean => this.#latest.get(target) === undo;
    this.#latest.set(target, undo);
    this.#kernel.schedule(forMs, "heal", () => {
      if (lasts()) this.#heal(target, undo);
    });
    return lasts;
  }

  /** Undoes everything. */
  all(): void {
    for (const [target, undo] of [...this.#latest]) this.#heal(target, undo);
  }

  #heal(target: string, undo: () => void): void {
    this.#latest.delete(target);
    undo();
  }
}
