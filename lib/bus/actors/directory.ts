/**
 * Which actor is where. One entry for each actor that lives; who writes it first has the actor.
 *
 * @module
 */
import type { Address } from "../names.ts";
import type { ActorId } from "./actor_id.ts";

/** Where an actor lives. */
export interface DirectoryEntry {
  /** The node's life. */
  readonly address: Address;
  /** The actor's life, unlike every other. */
  readonly activation: string;
  /** Grows with every life of the actor: its fencing token. */
  readonly revision: number;
}

/** What came of registering: it has its place, had it already, or somebody else was quicker. */
export type Registration =
  | { readonly kind: "placed"; readonly entry: DirectoryEntry }
  | { readonly kind: "already"; readonly entry: DirectoryEntry }
  | { readonly kind: "lost" };

/** The directory. Its methods throw `PartiError` as a bucket does; an outcome that is unknown is looked up again. */
export interface Directory {
  /**
   * Where an actor lives. May be out of date: whoever acts on it finds out when it registers, or where it sends to.
   *
   * @param id the actor
   * @returns its entry; undefined if it has none
   */
  lookup(id: ActorId): Promise<DirectoryEntry | undefined>;
  /**
   * Takes an actor's place.
   *
   * @param id the actor
   * @param where the node's life, and the actor's
   * @param over the entry to take over, which names nobody that lives; without it there must be none
   * @returns what came of it
   */
  register(
    id: ActorId,
    where: Pick<DirectoryEntry, "address" | "activation">,
    over?: DirectoryEntry,
  ): Promise<Registration>;
  /**
   * Gives an actor's place back: this entry and no other.
   *
   * @param id the actor
   * @param entry the entry
   * @returns false if the place is somebody else's by now, or nobody's
   */
  unregister(id: ActorId, entry: DirectoryEntry): Promise<boolean>;
  /**
   * Removes the entries of many nodes.
   *
   * @param isGone whether a node's life is over for certain; asked once for each
   * @param over gives up
   * @returns how many were removed
   */
  sweep(isGone: (address: Address) => Promise<boolean>, over?: AbortSignal): Promise<number>;
}
