/**
 * Phase 1 of the bus: two nodes, ten calls each way, on a good day with a little delay.
 *
 * @module
 */
import { drawSites } from "../buggify.ts";
import { step } from "../core/expand_step.ts";
import { latencyOf } from "../latency.ts";
import { NO_FAULTS } from "../nats/faults.ts";
import { Draws } from "../draw.ts";
import { defineWorkload, playSteps, type Simulation } from "../workload.ts";
import { pairCatalog } from "./service_catalog.ts";
import { type CallsCatalog, type ServiceCallStep, ServiceRun } from "./service_run.ts";

const CALLS_EACH_WAY = 10;
const WITHIN_MS = 1_000;
const TIMEOUT_MS = 5_000;
const LATENCY_MAX_MS = 5;
const GOOD_DAY = "on a good day all calls succeed";
/** Delay is all that happens here. */
const SITES = ["bus-send-late", "bus-answer-late", "bus-complete-late"] as const;

/** The workload. */
export const pairWorkload = defineWorkload<typeof pairCatalog>({
  name: "bus-1-pair",
  description: "two nodes call each other ten times each",
  assertions: pairCatalog,
  // LogTape keeps its loggers by weak references; nothing else hangs on when they go.
  stubs: { allow: ["WeakRef"] },
  expand(seed, draws) {
    const operations = [0, 1].flatMap((from) =>
      Array.from({ length: CALLS_EACH_WAY }, (_, n) => {
        const id = `call-${from}-${n}`;
        return step(id, draws("call", id).between(0, WITHIN_MS), "call", { from });
      })
    );
    // Named, so that no other site fires.
    const off = { "bus-send-fails": false, "bus-answer-twice": false };
    const buggify = { ...drawSites(seed, SITES), ...off };
    return { parameters: {}, operations, faults: [], buggify, swarm: { buggify: false } };
  },
  async run(simulation: Simulation<typeof pairCatalog>, plan) {
    const { assertions } = simulation;
    const run = new ServiceRun(simulation as unknown as Simulation<CallsCatalog>, {
      network: (owner) => ({
        latencyMs: latencyOf("uniform", LATENCY_MAX_MS, new Draws(plan.seed, "route", owner)),
      }),
    });
    // What a dead network is told to be can be seen by switching delivery off: then nothing arrives, and nothing is expected to.
    const delivers = plan.parameters["delivers"] !== false;
    await run.open();
    if (!delivers) run.cluster.faults.set({ ...NO_FAULTS, messaging: { noticeLost: 1 } });
    await playSteps(simulation, plan.operations, async ({ id, args }) => {
      const how: ServiceCallStep = { from: Number(args["from"]), timeoutMs: TIMEOUT_MS };
      const record = await run.call(id, how);
      const [outcome] = record?.outcomes ?? [];
      const text = `${id}: ${outcome}`;
      if (delivers) assertions.always(GOOD_DAY, outcome === "value", text);
    });
    await run.end();
  },
});
