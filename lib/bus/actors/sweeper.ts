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

/** In so many looks after a death it is swept: soon, and again when nothing that the dead had sent can be under way any more. */
const SWEEPS = [1, 3, 7, 15];

/** Sweeps, if it is this node's turn: it is the first of those that live. */
export class Sweeper {
  readonly #options: SweeperOptions;
  /** In how many looks it is swept. Somebody may have died before this node came. */
  #due: number[] = [1];
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  readonly #over = new AbortController();

  /** @param options what it needs */
  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Somebody has died. */
  mark(): void {
    this.#due = [...SWEEPS];
  }

  /** Sweeps no more; resolves when the present sweep has been given up. */
  async close(): Promise<void> {
    this.#over.abort();
    this.#timer?.cancel();
    await this.#looking;
  }

  #arm(): void {
    if (this.#over.signal.aborted) return;
    const { world, everyMs } = this.#options;
    this.#timer = world.clock.setTimer(everyMs, () => {
      this.#looking = this.#look();
    });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { nodes, own } = this.#options;
    this.#due = this.#due.map((looks) => looks - 1);
    const isDue = this.#due.some((looks) => looks <= 0);
    const first = nodes().alive.map(({ address }) => address).sort()[0];
    if (first !== undefined && first === own()) {
      await Promise.all(nodes().overdue.map((address) => nodes().proveDead(address)));
    }
    // Whoever is not the first may be so when the first has died.
    if (isDue && first !== undefined && first === own()) {
      this.#due = this.#due.filter((looks) => looks > 0);
      if (!await this.#sweep()) this.#due.push(1);
    }
    this.#arm();
  }

  /** Whether all is swept. */
  async #sweep(): Promise<boolean> {
    const { directory, nodes, own, onError } = this.#options;
    let isDone = true;
    try {
      await directory.sweep(async (address) => {
        if (address === own()) return false;
        const isGone = await nodes().proveDead(address);
        if (!isGone && !nodes().isAlive(address)) isDone = false;
        return isGone;
      }, this.#over.signal);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      isDone = false;
      onError(error);
    }
    return isDone;
  }
}
