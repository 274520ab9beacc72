/**
 * What an actor system is made from.
 *
 * @module
 */
import type { PartiError } from "../../errors.ts";
import type { KvBucketOptions } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import type { MessageBus } from "../bus.ts";
import type { Activation } from "./activation.ts";
import type { ActivationState } from "./activation_state.ts";
import type { Directory } from "./directory.ts";
import type { StateStore } from "./state_store.ts";

/** What an actor system is made from. */
export interface ActorSystemOptions {
  /** The world. */
  readonly world: World;
  /** The bus of this node. */
  readonly bus: MessageBus;
  /** How long a node's lease lasts, in milliseconds; 5,000 unless given. After a node has died its actors begin elsewhere so much later. */
  readonly leaseTtlMs?: number;
  /** How the buckets are kept; on one server's disk unless given. */
  readonly buckets?: Pick<KvBucketOptions, "replicas" | "storage">;
  /**
   * How long an actor's goodbye may take, and where this node stops its present turn with it, in milliseconds; 10,000 unless given. After
   * that its right to act is over.
   */
  readonly stopGraceMs?: number;
  /** How many places this node remembers; 100,000 unless given. */
  readonly cacheMax?: number;
  /** The directory, in the place of the one in a bucket. */
  readonly directory?: (own: Directory) => Directory;
  /** Where actors' states are, in the place of a bucket. */
  readonly states?: StateStore;
  /** Told of each change of each actor's life here. Must not throw. */
  readonly onActivation?: (activation: Activation, to: ActivationState) => void;
  /** Told of what went wrong and has no caller to be told to. Must not throw. */
  readonly onError?: (error: PartiError) => void;
}
