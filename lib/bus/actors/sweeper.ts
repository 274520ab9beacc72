/**
 * Removes what dead nodes have left in the directory, all at once. Nobody depends on it: whoever wants such an actor takes its place anyway.
 *
 * @module
 */
import { isPartiError } from "../../errors.ts";
import type { Timer } from "../../ports/clock.ts";
import type { World } from "../../ports/world.ts";
import type { Address } from "../names.ts";
import type { Directory } from "./directory.ts";
import type { Nodes } from "./nodes.ts";

/** What a sweeper needs. */
export interface SweeperOptions {
  /** Time. */
  readonly world: Pick<World, "clock">;
  /** What is swept. */
  readonly directory: Directory;
  /** Who lives. */
  readonly nodes: () => Nodes;
  /** This node's life; undefined while it has none. */
  readonly own: () => Address | undefined;
  /** How often it looks whether there is anything to do, in milliseconds. */
  readonly everyMs: number;
  /** Told of what goes wrong; it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Sweeps, if it is this node's turn: it is the first of those that live. */
export class Sweeper {
  readonly #options: SweeperOptions;
  /** Somebody has died, perhaps before this node came. */
  #dirty = true;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param options what it needs */
  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Somebody has died. */
  mark(): void {
    this.#dirty = true;
  }

  /** Sweeps no more; resolves when the present sweep is over. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #arm(): void {
    if (this.#closed) return;
    const { world, everyMs } = this.#options;
    this.#timer = world.clock.setTimer(everyMs, () => {
      this.#looking = this.#look();
    });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { directory, nodes, own, onError } = this.#options;
    const first = nodes().alive.map(({ address }) => address).sort()[0];
    if (this.#dirty && first !== undefined && first === own()) {
      this.#dirty = false;
      let isDoubtful = false;
      try {
        await directory.sweep(async (address) => {
          const isGone = address !== own() && await nodes().proveDead(address);
          if (!isGone && !nodes().isAlive(address)) isDoubtful = true;
          return isGone;
        });
      } catch (error) {
        if (!isPartiError(error)) throw error;
        isDoubtful = true;
        onError(error);
      }
      if (isDoubtful) this.#dirty = true;
    }
    this.#arm();
  }
}
