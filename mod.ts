/**
 * parti gives a group of worker processes exclusive, balanced, crash-safe ownership of the partitions of a NATS JetStream
 * stream, hands each partition's messages to its owner in order, and moves a partition between owners without losing or
 * repeating a message.
 *
 * @example A worker
 * ```ts no-assert
 * import { connectNats, Manager, natsWorld, staticSource } from "@parti/parti";
 *
 * async function main() {
 *   const nc = await connectNats({ servers: "nats://127.0.0.1:4222" });
 *   const worker = new Manager({
 *     world: natsWorld(nc),
 *     config: {
 *       group: "orders",
 *       consumer: { stream: "ORDERS", subjectTemplate: "orders.{{.PartitionID}}" },
 *     },
 *     source: staticSource([{ keys: ["eu"] }, { keys: ["us"], weight: 3 }]),
 *     handler: async (message, context) => {
 *       console.log(context.partitionId, message.streamSequence, message.data.length);
 *       await Promise.resolve();
 *     },
 *   });
 *   await worker.start();
 *   await new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", resolve));
 *   await worker.stop();
 *   await nc.close();
 * }
 * console.log(typeof main);
 * ```
 *
 * @module
 */
// A worker.
export * from "./lib/manager/manager.ts";
export * from "./lib/manager/manager_options.ts";
export type {
  AlertLevel,
  Assignment,
  AssignmentChange,
  Hooks,
  ManagerEvent,
} from "./lib/manager/hooks.ts";
export { type ManagerState, TRANSITIONS } from "./lib/manager/state.ts";
export * from "./lib/errors.ts";

// Its configuration.
export * from "./lib/config/config.ts";
export * from "./lib/config/config_yaml.ts";

// Partitions: where they come from, and who gets them.
export * from "./lib/assignment/partition.ts";
export {
  consistentHash,
  type ConsistentHashOptions,
} from "./lib/assignment/strategies/consistent_hash.ts";
export { roundRobin } from "./lib/assignment/strategies/round_robin.ts";
export {
  stickyBalanced,
  type StickyBalancedOptions,
} from "./lib/assignment/strategies/sticky_balanced.ts";
export {
  STRATEGY_NAMES,
  strategyByName,
  type StrategyName,
} from "./lib/assignment/strategies/strategies.ts";
export {
  weightedConsistentHash,
  type WeightedConsistentHashOptions,
} from "./lib/assignment/strategies/weighted_consistent_hash.ts";
export {
  encodePartitions,
  kvSource,
  type KvSourceOptions,
} from "./lib/assignment/sources/kv_source.ts";
export {
  pollingSource,
  type PollingSourceOptions,
} from "./lib/assignment/sources/polling_source.ts";
export { type StaticSource, staticSource } from "./lib/assignment/sources/static_source.ts";

// Messages and their effects.
export * from "./lib/consumption/dispatch/handler.ts";
export * from "./lib/consumption/worker_consumer.ts";
export { type CheckedFeed, checkFeed, type FeedToCheck } from "./lib/consumption/feed_check.ts";
export { type ConsumptionEvents } from "./lib/consumption/events.ts";
export type { LaneEnd } from "./lib/consumption/lanes/lane.ts";
export type { LaneOwner } from "./lib/names.ts";
export * from "./lib/sharding/make_shards.ts";
export * from "./lib/sharding/copying/copy_to_shards.ts";
export type { CopyBegin } from "./lib/sharding/copying/copy_claim.ts";
export type { CopyWorld } from "./lib/sharding/copying/copy_parts.ts";
export type { CopySource } from "./lib/sharding/copying/copy_source.ts";
export type { CopierState, ShardCopier } from "./lib/sharding/copying/shard_copier.ts";
export type { CopyHealth } from "./lib/session/leader_copy.ts";
export { SOURCE_ID_HEADER, SOURCE_SEQUENCE_HEADER } from "./lib/sharding/copying/shard_writer.ts";
export { type ShardedFeed, shardOf, shardStream, shardSubject } from "./lib/sharding/shards.ts";
export * from "./lib/effects/effects.ts";
export * from "./lib/effects/effects_publisher.ts";

// What can be replaced.
export * from "./lib/leadership/election_agent.ts";
export {
  type AlertLevel as MetricAlertLevel,
  type ConsumerMetrics,
  type ManagerMetrics,
  type MetricsCollector,
  noMetrics,
  type PlannerMetrics,
  type WorkerMetrics,
} from "./lib/metrics/collector.ts";
export * from "./lib/ports/clock.ts";
export * from "./lib/ports/departures.ts";
export * from "./lib/ports/feed.ts";
export * from "./lib/ports/kv.ts";
export * from "./lib/ports/messaging.ts";
export * from "./lib/ports/publish_again.ts";
export * from "./lib/ports/random.ts";
export * from "./lib/ports/world.ts";
export * from "./lib/ports/nats/world.ts";
