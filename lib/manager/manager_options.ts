/**
 * What a manager is made from.
 *
 * @module
 */
import type { AssignmentStrategy, PartitionSource } from "../assignment/partition.ts";
import type { GroupConfigInput } from "../config/config.ts";
import type { ConsumptionEvents } from "../consumption/events.ts";
import type { MessageHandler } from "../consumption/dispatch/handler.ts";
import type { Hooks } from "./hooks.ts";
import type { ElectionAgent } from "../leadership/election_agent.ts";
import type { MetricsCollector } from "../metrics/collector.ts";
import type { KvBucket } from "../ports/kv.ts";
import type { World } from "../ports/world.ts";

/** What a manager is made from. */
export interface ManagerOptions {
  /** The world: `natsWorld(connection)`. */
  readonly world: World;
  /** The group's configuration. */
  readonly config: GroupConfigInput;
  /** Where partitions come from. Left out where `config.consumer.shards` says what they are: the shards. */
  readonly source?: PartitionSource;
  /** Who gets what; `StickyBalanced` unless told otherwise. */
  readonly strategy?: AssignmentStrategy;
  /** Handles messages; needs `config.consumer`. Without it the application consumes by itself, led by the hooks. */
  readonly handler?: MessageHandler;
  /** Call-backs. */
  readonly hooks?: Hooks;
  /** Told of everything that happens in consumption. */
  readonly consumptionEvents?: Partial<ConsumptionEvents>;
  /** Another election than the built-in one. Called once for each session. */
  readonly election?: (leases: KvBucket) => ElectionAgent;
  /** Who measures; `prometheusMetrics()` from `@parti/parti/metrics/prometheus` is one. */
  readonly metrics?: MetricsCollector;
  /** Where this worker runs, for people. */
  readonly host?: string;
  /** An empty partition list is taken as truth; by default it never wipes a running group. */
  readonly allowEmptySource?: boolean;
}
