/**
 * What actors by partition are made from.
 *
 * @module
 */
import type { PartiError } from "../../errors.ts";
import type { KvBucketOptions } from "../../ports/kv.ts";
import type { World } from "../../ports/world.ts";
import type { ShardedFeed } from "../../sharding/shards.ts";
import type { MessageBus } from "../bus.ts";
import type { StateStore } from "./state_store.ts";

/** What is needed. */
export interface PartitionActorsOptions {
  /** The world. */
  readonly world: World;
  /** The bus of this node, over which answers come. */
  readonly bus: MessageBus;
  /** The group's feed. */
  readonly feed: ShardedFeed;
  /** How the bucket of actors' states is kept; on one server's disk unless given. */
  readonly buckets?: Pick<KvBucketOptions, "replicas" | "storage">;
  /** Where actors' states are, in the place of a bucket. */
  readonly states?: StateStore;
  /**
   * How long an actor's goodbye may take, and `stop()` wait for those that come to their end, in milliseconds; 10,000 unless given. After
   * that its right to act is over, and the next life begins.
   */
  readonly stopGraceMs?: number;
  /** Told of what went wrong and has no caller to be told to. Must not throw. */
  readonly onError?: (error: PartiError) => void;
}
