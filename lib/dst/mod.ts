/**
 * Deterministic simulation: the same code that runs in production, a whole cluster of it, in virtual time, from one seed. A failing seed
 * fails the same way each time, and can be made smaller.
 *
 * @example Ten lives of two counters on a simulated nats-server
 * ```ts
 * import {
 *   always,
 *   defineWorkload,
 *   emptySummary,
 *   expandPlan,
 *   judge,
 *   mergeSummaries,
 *   ModelServer,
 *   reachable,
 *   runTwice,
 *   SimLink,
 *   SimNode,
 *   SimProcess,
 *   simWorld,
 *   summarise,
 * } from "@parti/parti/testing";
 *
 * const counters = defineWorkload({
 *   name: "counters",
 *   description: "two processes count in one key, and one of them dies",
 *   assertions: {
 *     "no count is lost": always("the key says how often somebody has counted"),
 *     "somebody was too late": reachable("a compare-and-set was refused"),
 *   },
 *   expand: (_seed, draws) => ({
 *     parameters: { rounds: 20 },
 *     operations: [],
 *     faults: [{ id: "crash", atMs: draws("crash").between(0, 200), kind: "crash", args: {} }],
 *     buggify: {},
 *     swarm: {},
 *   }),
 *   async run({ kernel, assertions }, plan) {
 *     const server = new ModelServer({ kernel, version: "2.15.1" });
 *     const worldOf = simWorld(server);
 *     let counted = 0;
 *     const nodes = ["a", "b"].map((name) => new SimNode(kernel, name));
 *     for (const node of nodes) {
 *       node.boot(async (life) => {
 *         const world = worldOf(new SimLink(life, server));
 *         const options = { ttlMs: 0, replicas: 1, storage: "file" } as const;
 *         const bucket = await world.kv.open("counters", options);
 *         for (let round = 0; round < Number(plan.parameters["rounds"]); round++) {
 *           const entry = await bucket.get("n");
 *           const next = new Uint8Array([(entry?.value[0] ?? 0) + 1]);
 *           try {
 *             if (entry === undefined) await bucket.create("n", next);
 *             else await bucket.update("n", next, entry.revision);
 *             counted++;
 *           } catch {
 *             assertions.reachable("somebody was too late");
 *           }
 *         }
 *       });
 *     }
 *     kernel.schedule(plan.faults[0]?.atMs ?? 0, "crash", () => nodes[0]?.crash());
 *     await kernel.sleep(5_000);
 *     const reader = worldOf(new SimLink(new SimProcess(kernel, "reader#1"), server));
 *     const bucket = await reader.kv.open("counters", { ttlMs: 0, replicas: 1, storage: "file" });
 *     const stored = (await bucket.get("n"))?.value[0] ?? 0;
 *     // Who dies between the server's deed and its word has counted and does not know it.
 *     assertions.always("no count is lost", stored === counted || stored === counted + 1);
 *   },
 * });
 *
 * const { assertions } = counters;
 * let summary = emptySummary(assertions);
 * for (let seed = 1; seed <= 10; seed++) {
 *   const plan = expandPlan(counters, seed);
 *   const result = await runTwice(counters, plan, { now: () => performance.now() });
 *   if (result.failure !== null) throw new Error(`seed ${seed}: ${result.failure.message}`);
 *   summary = mergeSummaries(assertions, summary, summarise(assertions, result));
 * }
 * // What no seed has reached was not tested, however well all seeds went.
 * const missed = judge(assertions, summary.tallies).filter(({ verdict }) => verdict === "miss");
 * if (missed.length > 0) throw new Error(missed.map(({ name, why }) => `${name}: ${why}`).join());
 * ```
 *
 * @module
 */
// What is simulated, and what must hold.
export * from "./workload.ts";
export * from "./assertions/catalog.ts";
export type { Assertions, Detail, OnBroken } from "./assertions/assertions.ts";
export type { MergedKey, MergedTallies, MergedTally, Tallies, Tally } from "./assertions/tally.ts";
export type {
  Buggifier,
  BuggifierOptions,
  MergedSite,
  MergedSites,
  SiteReport,
  SiteStats,
} from "./buggify.ts";
export type { Buggify } from "../ports/buggify.ts";
export * from "./draw.ts";
export * from "./latency.ts";

// Runs, plans, and making them smaller.
export * from "./run_plan.ts";
export * from "./plan/plan.ts";
export { formatPlan, parsePlan } from "./plan/plan_json.ts";
export * from "./plan/shrink.ts";
export * from "./plan/swarm.ts";

// Many runs in one, and what they say.
export * from "./summary.ts";
export * from "./assertions/judge.ts";

// Time, processes, failures.
export { Kernel } from "./kernel/kernel.ts";
export type { KernelLimits } from "./kernel/limits.ts";
export type { KernelOptions } from "./kernel/kernel_options.ts";
export { type FailureKind, SimulationFailure } from "./kernel/failure.ts";
export {
  type ClockShape,
  type Main,
  SimNode,
  type SimNodeOptions,
  SimProcess,
  TRUE_CLOCK,
} from "./kernel/node.ts";
export type { Trace, TraceRecord } from "./kernel/trace.ts";
export type { EventHeap, EventOwner, SimEvent } from "./kernel/event_heap.ts";
export type { Refusals } from "./kernel/refusals.ts";
export type { Checkpoint } from "./kernel/checkpoint.ts";
export type { StubOptions } from "./host/stubs.ts";

// A model of nats-server, and the world over a connection to it.
export {
  ModelServer,
  type ModelServerOptions,
  type ServerPart,
  type ServerSession,
  type ServerWatcher,
} from "./nats/server.ts";
export { type LinkOptions, SimLink } from "./nats/link.ts";
export type { SimFeedOptions } from "./nats/sim_feed.ts";
export type { SimPullOptions } from "./nats/sim_pull.ts";
export { simWorld, type SimWorldOptions } from "./nats/sim_world.ts";
export type { Capabilities } from "../ports/nats/capabilities.ts";
export { FaultBoard, type OnStrike } from "./nats/fault_board.ts";
export * from "./nats/faults.ts";

// The ports that it stands behind.
export type { Clock, Timer } from "../ports/clock.ts";
export type { Random } from "../ports/random.ts";
export type * from "../ports/kv.ts";
export type * from "../ports/feed.ts";
export type * from "../ports/messaging.ts";
export type { World } from "../ports/world.ts";
export { isPartiError, PartiError, type PartiErrorCode } from "../errors.ts";
