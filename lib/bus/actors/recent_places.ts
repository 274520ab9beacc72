/**
 * What a node has just read in the directory of actors that live elsewhere: whoever comes here in vain right after another is sent on
 * without one more read, and what is told right after another is sent there.
 *
 * @module
 */
import type { Clock } from "../../ports/clock.ts";
import type { Address } from "../names.ts";
import type { ActorId } from "./actor_id.ts";

/** So long it counts, in milliseconds: an actor may be elsewhere by then, and then its calls are sent on once more. */
export const RECENT_MS = 1_000;
const PLACES_MAX = 10_000;

interface Place {
  readonly address: Address;
  readonly endMs: number;
}

/** What was read a moment ago. */
export class RecentPlaces {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #max: number;
  /** The oldest first. */
  readonly #places = new Map<ActorId, Place>();

  /**
   * Knows nothing yet.
   *
   * @param clock tells how old it is
   * @param max how many places are remembered, the latest
   */
  constructor(clock: Pick<Clock, "monotonicMs">, max = PLACES_MAX) {
    this.#clock = clock;
    this.#max = max;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#places.size;
  }

  /** Where an actor was a moment ago; undefined if that was not read, or is too long ago. */
  of(id: ActorId): Address | undefined {
    const place = this.#places.get(id);
    if (place === undefined) return undefined;
    if (place.endMs > this.#clock.monotonicMs()) return place.address;
    this.#places.delete(id);
    return undefined;
  }

  /** An actor was not where it was thought to be. */
  forget(id: ActorId): void {
    this.#places.delete(id);
  }

  /** It was read where an actor is. */
  learn(id: ActorId, address: Address): void {
    const nowMs = this.#clock.monotonicMs();
    this.#places.delete(id);
    this.#places.set(id, { address, endMs: nowMs + RECENT_MS });
    for (const [oldest, { endMs }] of this.#places) {
      if (endMs > nowMs && this.#places.size <= this.#max) return;
      this.#places.delete(oldest);
    }
  }
}
