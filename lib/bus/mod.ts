/**
 * The message bus: request and response between nodes, and actors that live on exactly one of them.
 *
 * @example A node that greets, and one that asks
 * ```ts no-assert
 * import { connectNats, natsWorld } from "@parti/parti";
 * import { MessageBus } from "@parti/parti/bus";
 *
 * async function main() {
 *   const world = natsWorld(await connectNats({ servers: "nats://127.0.0.1:4222" }));
 *   await using greeter = new MessageBus({ world, bus: "shop", node: "greeter" });
 *   greeter.handle("greetings", ({ payload }) => new TextEncoder().encode(`hello, ${new TextDecoder().decode(payload)}`));
 *   await greeter.start();
 *   await using asker = new MessageBus({ world, bus: "shop", node: "asker" });
 *   await asker.start();
 *   const target = { node: "greeter", type: "greetings" };
 *   const answer = await asker.request(target, "greet", new TextEncoder().encode("Ada"), { timeoutMs: 1_000 });
 *   console.log(new TextDecoder().decode(answer));
 * }
 * console.log(typeof main);
 * ```
 *
 * @module
 */
export * from "./bus.ts";
export type { BusCounts } from "./bus_counts.ts";
export type { BusOptions, BusSettings, CallOptions } from "./bus_options.ts";
export {
  Caller,
  type CallerOptions,
  type Errand,
  type OutcomeObserver,
  type Send,
} from "./caller.ts";
export type { Answer, Call, Refusal, Said } from "./envelope.ts";
export { Incoming, type ServiceCall, type ServiceHandler } from "./incoming.ts";
export { Listening, type ListeningOptions } from "./listening.ts";
export type { Address } from "./names.ts";
export { Outbox, type OutboxOptions } from "./outbox.ts";
export { PendingCalls, type Waiting, type WaitOptions } from "./pending.ts";
export * from "./actors/activation.ts";
export { ACTIVATION_TRANSITIONS, type ActivationState } from "./actors/activation_state.ts";
export * from "./actors/actor.ts";
export * from "./actors/actor_calls.ts";
export * from "./actors/partition_actors.ts";
export * from "./actors/partition_actors_options.ts";
export { type ActorId, type ActorName, parseActorId } from "./actors/actor_id.ts";
export * from "./actors/actor_system.ts";
export * from "./actors/actor_system_options.ts";
export * from "./actors/directory.ts";
export { KvDirectory } from "./actors/kv_directory.ts";
export { type PlacementName, PLACEMENTS } from "./actors/placement.ts";
export { KvStateStore, type StateStore } from "./actors/state_store.ts";
