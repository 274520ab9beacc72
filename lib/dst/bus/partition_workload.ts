/**
 * Actors by partition: a group of workers with a sharded feed, whose shards move while their actors are called and everything fails.
 *
 * @module
 */
import { drawSites } from "../buggify.ts";
import { step } from "../core/expand_step.ts";
import { LATENCY_SHAPES } from "../latency.ts";
import { drawSwarm } from "../plan/swarm.ts";
import { defineWorkload } from "../workload.ts";
import { drawActorFaults, FAMILIES } from "./actor_faults.ts";
import { drawMood } from "./mood.ts";
import { type PartitionCatalog, partitionCatalog } from "./partition_catalog.ts";
import { LOAD_MS, NODES, PartitionRun } from "./partition_run.ts";

const ACTORS = 12;
const OPERATIONS = 120;
/** The share of them for which nobody waits. */
const TOLD = 0.15;
const SITES = [
  "bus-send-late",
  "bus-answer-late",
  "bus-answer-twice",
  "bus-complete-late",
] as const;

/** The workload. */
export const partitionWorkload = defineWorkload<PartitionCatalog>({
  name: "bus-6-partition",
  description: "actors that live where the shards of a group are, while the group fails",
  assertions: partitionCatalog,
  limits: { virtualMs: 1_200_000 },
  stubs: { allow: ["WeakRef"] },
  expand(seed, draws) {
    const swarm = drawMood(drawSwarm(draws, [...FAMILIES, "buggify"]), draws);
    const own = draws("parameters");
    const operations = Array.from({ length: OPERATIONS }, (_, n) => {
      const call = draws("operation", String(n));
      const again = call.chance(0.5);
      const kind = draws("kind", String(n)).chance(TOLD) ? "tell" : "call";
      return step(`operation-${n}`, call.between(0, LOAD_MS), kind, {
        node: call.integer(0, NODES - 1),
        actor: call.integer(0, ACTORS - 1),
        timeoutMs: again ? call.integer(10_000, 40_000) : call.pick([200, 5_000]),
        workMs: call.pick([0, 0, 5, 100]),
        again,
        last: call.chance(0.1),
        ...(call.chance(0.1) ? { cancelAfterMs: call.pick([0, 10, 300]) } : {}),
      });
    });
    return {
      parameters: {
        shape: own.pick(LATENCY_SHAPES),
        latencyMaxMs: own.pick([0.5, 5, 20]),
      },
      operations,
      faults: drawActorFaults({ nodes: NODES, loadMs: LOAD_MS }, swarm, draws),
      buggify: swarm["buggify"]
        ? { ...drawSites(seed, SITES), "bus-send-fails": false }
        : Object.fromEntries([...SITES, "bus-send-fails"].map((site) => [site, false])),
      swarm,
    };
  },
  async run(simulation) {
    await new PartitionRun(simulation).run();
  },
});
