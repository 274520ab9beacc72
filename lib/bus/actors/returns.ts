/**
 * Places that could not be given back at once: tried again until they are, or until the life of the node is over and others remove them.
 *
 * @module
 */
import { isPartiError, type PartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import { jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";
import type { ActorId } from "./actor_id.ts";
import type { Directory } from "./directory.ts";

const PAUSE_MS = 100;
const PAUSE_MAX_MS = 2_000;

/** What is needed to give places back. */
export interface ReturnsOptions {
  /** Time and jitter. */
  readonly world: Pick<World, "clock" | "random">;
  /** The directory. */
  readonly directory: Directory;
  /** Fires when the life of the node is over. */
  readonly over: AbortSignal;
  /** Told of what goes wrong; it is tried again. */
  readonly onError: (error: PartiError) => void;
}

/** Gives places back. */
export class Returns {
  readonly #options: ReturnsOptions;
  readonly #open = new Set<Promise<void>>();

  /** @param options what is needed */
  constructor(options: ReturnsOptions) {
    this.#options = options;
  }

  /**
   * Gives the place of one life of an actor back, whichever revision it has: its registration may never have been confirmed.
   *
   * @param id the actor
   * @param activation the life
   * @returns when it was tried once; further tries go on by themselves. Never rejects
   */
  async give(id: ActorId, activation: string): Promise<void> {
    if (await this.#tryOnce(id, activation)) return;
    const open = this.#keepTrying(id, activation);
    this.#open.add(open);
    void open.then(() => this.#open.delete(open));
  }

  /** When nothing is tried any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #keepTrying(id: ActorId, activation: string): Promise<void> {
    const { world, over } = this.#options;
    for (let tries = 0; !over.aborted; tries++) {
      const longestMs = Math.min(PAUSE_MS * 2 ** Math.min(tries, 10), PAUSE_MAX_MS);
      await sleep(world.clock, jitter(world.random, longestMs), over);
      if (over.aborted || await this.#tryOnce(id, activation)) return;
    }
  }

  /** Whether the place is certain to be this life's no more. */
  async #tryOnce(id: ActorId, activation: string): Promise<boolean> {
    const { directory, onError } = this.#options;
    try {
      const entry = await directory.lookup(id);
      if (entry === undefined || entry.activation !== activation) return true;
      return await directory.unregister(id, entry);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      onError(error);
      return false;
    }
  }
}
