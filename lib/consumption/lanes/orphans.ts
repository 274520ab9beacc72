/**
 * Orphans: lanes of ours that may be on the server although we gave them up, since nobody said what became of them. Until they are
 * deleted they block their partitions' next owner.
 *
 * @module
 */
import type { Timer } from "../../ports/clock.ts";
import { jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";

/** What is needed to delete them. */
export interface OrphansOptions {
  /** The world. */
  readonly world: World;
  /** Told when a deletion failed; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Told when some are gone: their partitions may be free. */
  readonly onGone: () => void;
}

const RETRY_MS = 500;

/** Lanes to be deleted. */
export class Orphans {
  readonly #options: OrphansOptions;
  /** Their streams, by name. */
  readonly #streams = new Map<string, string>();
  #timer: Timer | undefined;
  #sweeping: Promise<void> | undefined;
  #closed = false;

  /** @param options what it needs */
  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** How many are left. */
  get size(): number {
    return this.#streams.size;
  }

  /**
   * Adds a lane whose fate is not known.
   *
   * @param stream its stream
   * @param name its name
   */
  add(stream: string, name: string): void {
    this.#streams.set(name, stream);
  }

  /** Tries to delete what is left, unless it is being tried or a pause after a failure is on. */
  start(): void {
    if (this.#closed || this.#streams.size === 0 || this.#timer !== undefined) return;
    if (!this.#options.world.messaging.connected) return;
    void this.sweep();
  }

  /** One try for each; never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => this.#sweeping = undefined);
    return this.#sweeping;
  }

  /** Tries no more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #sweep(): Promise<void> {
    const { world, onError, onGone } = this.#options;
    const before = this.#streams.size;
    await Promise.all([...this.#streams].map(async ([name, stream]) => {
      try {
        await world.feed.deleteConsumer(stream, name);
        this.#streams.delete(name);
      } catch (error) {
        onError(error);
      }
    }));
    if (this.#streams.size > 0) this.#pause();
    if (this.#streams.size < before && !this.#closed) onGone();
  }

  #pause(): void {
    if (this.#closed || this.#timer !== undefined) return;
    const { world } = this.#options;
    this.#timer = world.clock.setTimer(jitter(world.random, RETRY_MS), () => {
      this.#timer = undefined;
      this.start();
    });
  }
}
