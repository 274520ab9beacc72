/**
 * Notices that the directory is gone, or another one: nobody finds there who has places in the one before.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";

/** What a check needs. Its call-backs must not throw. */
export interface DirectoryCheckOptions {
  /** Time. */
  readonly clock: Clock;
  /** How often it asks, in milliseconds. */
  readonly everyMs: number;
  /** What tells the directory from one before or after it; undefined if there is none. */
  readonly identify: () => Promise<string | undefined>;
  /** The one that should be there. */
  readonly identity: string;
  /** Told once when it is not. */
  readonly onGone: () => void;
  /** Told why nobody could say; it is asked again. */
  readonly onError: (error: unknown) => void;
}

/** Asks again and again. */
export class DirectoryCheck {
  readonly #options: DirectoryCheckOptions;
  #timer: Timer | undefined;
  #closed = false;

  /** @param options what it needs */
  constructor(options: DirectoryCheckOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Asks no more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    const { clock, everyMs } = this.#options;
    if (!this.#closed) this.#timer = clock.setTimer(everyMs, () => void this.#ask());
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    const { identify, identity, onGone, onError } = this.#options;
    try {
      const found = await identify();
      if (this.#closed) return;
      if (found !== identity) {
        this.close();
        return onGone();
      }
    } catch (error) {
      if (!isPartiError(error)) throw error;
      if (!this.#closed) onError(error);
    }
    this.#arm();
  }
}
