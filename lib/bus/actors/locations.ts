/**
 * Where actors were seen last, as far as a node remembers. Only a hint: whoever is asked in vain sends on.
 *
 * @module
 */
import type { Address } from "../names.ts";
import type { ActorId } from "./actor_id.ts";

/** Remembers so many, and forgets the oldest first. */
export class Locations {
  readonly #max: number;
  readonly #places = new Map<ActorId, Address>();

  /** @param max how many are remembered */
  constructor(max: number) {
    this.#max = max;
  }

  /** Where an actor was seen last; undefined if nobody remembers. */
  of(id: ActorId): Address | undefined {
    return this.#places.get(id);
  }

  /** An actor was seen. */
  learn(id: ActorId, address: Address): void {
    if (this.#places.get(id) === address) return;
    this.#places.delete(id);
    this.#places.set(id, address);
    if (this.#places.size <= this.#max) return;
    const [oldest] = this.#places.keys();
    this.#places.delete(oldest!);
  }

  /** An actor was not where it was thought to be. */
  forget(id: ActorId): void {
    this.#places.delete(id);
  }
}
