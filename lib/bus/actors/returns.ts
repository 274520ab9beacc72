/**
 * Places that could not be given back at once: tried again until they are, or until the life of the node is over and others remove them.
 *
 * @module
 */
import { isPartiError, type PartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import { backoffMs, jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";
import type { Address } from "../names.ts";
import type { ActorId } from "./actor_id.ts";
import type { Directory, DirectoryEntry } from "./directory.ts";

const PAUSE_MS = 100;
const PAUSE_MAX_MS = 2_000;
/** A read may be out of date. So often in a row somebody else must have the place, where no write can prove it. */
const READS = 3;

/** What is needed to give places back. */
export interface ReturnsOptions {
  /** Time and jitter. */
  readonly world: Pick<World, "clock" | "random">;
  /** The directory. */
  readonly directory: Directory;
  /** The life of the node. */
  readonly address: Address;
  /** Whether another life is over for certain. */
  readonly isDead: (address: Address) => boolean;
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
   * @param entry the place, where it is known: then no read, which may be out of date, has to tell whose it is
   * @returns when it was tried once; further tries go on by themselves. Never rejects
   */
  async give(id: ActorId, activation: string, entry?: DirectoryEntry): Promise<void> {
    if (await this.#tryOnce(id, activation, entry) === "certain") return;
    const open = this.#keepTrying(id, activation, entry);
    this.#open.add(open);
    void open.then(() => this.#open.delete(open));
  }

  /** When nothing is tried any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #keepTrying(id: ActorId, activation: string, entry?: DirectoryEntry): Promise<void> {
    const { world, over } = this.#options;
    let reads = 0;
    for (let tries = 0; reads < READS; tries++) {
      const longestMs = backoffMs(PAUSE_MS, tries, PAUSE_MAX_MS);
      await sleep(world.clock, jitter(world.random, longestMs), over);
      if (over.aborted) return;
      const outcome = await this.#tryOnce(id, activation, entry);
      if (outcome === "certain") return;
      reads = outcome === "likely" ? reads + 1 : 0;
    }
  }

  /** Whether the place is this life's no more. */
  async #tryOnce(
    id: ActorId,
    activation: string,
    known?: DirectoryEntry,
  ): Promise<"certain" | "likely" | "open"> {
    const { directory, address, isDead, onError } = this.#options;
    try {
      if (known !== undefined) {
        // If it is another one by now, this one has gone.
        await directory.unregister(id, known);
        return "certain";
      }
      const entry = await directory.lookup(id);
      if (entry?.activation === activation) {
        return await directory.unregister(id, entry) ? "certain" : "open";
      }
      // Another life of the actor has it, here or elsewhere: it must not be touched.
      if (entry !== undefined && !isDead(entry.address)) return "likely";
      // What was read may be out of date: taking the place, to give it back, proves that it was not.
      const registration = await directory.register(id, { address, activation }, entry);
      if (registration.kind === "lost") return "open";
      return await directory.unregister(id, registration.entry) ? "certain" : "open";
    } catch (error) {
      if (!isPartiError(error)) throw error;
      onError(error);
      return "open";
    }
  }
}
