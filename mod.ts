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
 *   await using worker = new Manager({
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
 * }
 * console.log(typeof main);
 * ```
 *
 * @module
 */
export * from "./lib/assignment/partition.ts";
export { stickyBalanced } from "./lib/assignment/sticky_balanced.ts";
export { roundRobin } from "./lib/assignment/round_robin.ts";
export { consistentHash } from "./lib/assignment/consistent_hash.ts";
export { weightedConsistentHash } from "./lib/assignment/weighted_consistent_hash.ts";
export { strategyByName } from "./lib/assignment/strategies.ts";
export { staticSource } from "./lib/assignment/sources/static_source.ts";
export * from "./lib/config.ts";
export * from "./lib/consumption/events.ts";
export * from "./lib/consumption/handler.ts";
export * from "./lib/consumption/worker_consumer.ts";
export * from "./lib/effects.ts";
export * from "./lib/errors.ts";
export * from "./lib/hooks.ts";
export * from "./lib/leadership/election_agent.ts";
export * from "./lib/manager.ts";
export * from "./lib/manager_options.ts";
export * from "./lib/ports/nats/world.ts";
export * from "./lib/state.ts";
