/**
 * Calling actors, however they are placed: by a directory or by partition.
 *
 * @module
 */
import type { CallOptions } from "../bus_options.ts";
import type { ActorType } from "./actor.ts";
import type { ActorId } from "./actor_id.ts";

/** Actors, as whoever calls them sees them. */
export interface ActorCalls {
  /**
   * Says what actors of a type do on this node.
   *
   * @param name the type, such as `shop::cart`
   * @param type what they do
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if it is no name, or is defined already
   */
  define(name: string, type: ActorType): void;
  /**
   * Calls an actor, wherever it lives, and waits for its value. Where it is nowhere it begins.
   *
   * @param id the actor, such as `shop::cart/4711`
   * @param method what is asked
   * @param payload the payload
   * @param options how long it may take; with an `idempotencyKey` it is tried again
   * @returns the actor's value
   * @throws {PartiError} the one outcome that is no value: see {@linkcode MessageBus.request}
   */
  request(
    id: ActorId,
    method: string,
    payload: Uint8Array,
    options?: CallOptions,
  ): Promise<Uint8Array>;
  /**
   * Tells an actor something, wherever it lives, and waits for no answer.
   *
   * @param id the actor
   * @param method what is told
   * @param payload the payload
   * @param options its deadline and trace
   * @throws {PartiError} `PARTI_NOT_SENT` if it never left
   */
  oneway(
    id: ActorId,
    method: string,
    payload: Uint8Array,
    options?: Omit<CallOptions, "signal" | "idempotencyKey">,
  ): Promise<void>;
}
