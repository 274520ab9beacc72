/** Where a whole bus puts its actors while nothing goes wrong: how even it is on three nodes. */
import assert from "node:assert/strict";
import { ActorSystem } from "../../bus/actors/actor_system.ts";
import type { PlacementName } from "../../bus/actors/placement.ts";
import { MessageBus } from "../../bus/bus.ts";
import { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { simWorld } from "../nats/sim_world.ts";
import { BUS } from "./bus_cluster.ts";

const NODES = ["one", "two", "three"];
const TYPE = "sim::placed";
const NOTHING = new Uint8Array();

/** Calls so many actors, so many at once, and tells how many live on each node: after each of them, and in the end. */
async function spread(
  placement: PlacementName,
  actors: number,
  { callers, atOnce, seed = 1 }: {
    readonly callers: number;
    readonly atOnce: number;
    readonly seed?: number;
  },
): Promise<number[][]> {
  const kernel = new Kernel({ seed });
  return await kernel.run(async () => {
    const server = new ModelServer({ kernel, version: "2.15.1" });
    const worldOf = simWorld(server);
    const systems = await Promise.all(NODES.map(async (node) => {
      const world = worldOf(new SimLink(new SimProcess(kernel, `${node}#1`), server));
      const bus = new MessageBus({ world, bus: BUS, node });
      const system = new ActorSystem({ world, bus });
      system.define(TYPE, { placement, create: () => ({ handle: () => {} }) });
      await bus.start();
      await system.start();
      return { bus, system };
    }));
    // Each has heard of the others.
    await kernel.sleep(5_000);
    const seen: number[][] = [];
    for (let first = 0; first < actors; first += atOnce) {
      await Promise.all(
        Array.from({ length: Math.min(atOnce, actors - first) }, (_, n) => {
          const { system } = systems[(first + n) % callers]!;
          return system.request(`${TYPE}/${first + n}`, "begin", NOTHING);
        }),
      );
      seen.push(systems.map(({ system }) => system.activations.length));
    }
    for (const { bus, system } of systems) {
      await system.stop();
      await bus.stop();
    }
    return seen;
  });
}

Deno.test("least-loaded: what one node places one after another is even after each", async () => {
  const seen = await spread("least-loaded", 100, { callers: 1, atOnce: 1 });
  for (const loads of seen) {
    assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, String(loads));
  }
});

for (const callers of [1, 3]) {
  Deno.test(`two-choices: what ${callers} of 3 nodes place is within a fifth`, async () => {
    // What is drawn evenly is so only now and then.
    for (let seed = 1; seed <= 10; seed++) {
      const loads = (await spread("two-choices", 120, { callers, atOnce: 10, seed })).at(-1)!;
      for (const load of loads) assert.ok(Math.abs(load - 40) <= 8, `${seed}: ${loads}`);
    }
  });
}
