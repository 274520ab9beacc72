/** A node that leaves in order while others call: whoever is not served any more is told so for certain. */
import assert from "node:assert/strict";
import { ActorSystem } from "../../bus/actors/actor_system.ts";
import { MessageBus } from "../../bus/bus.ts";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { simWorld } from "../nats/sim_world.ts";
import { BUS } from "./bus_cluster.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::steady";
const CALLS = 60;
const LATENCY_MS = 5;

interface Node {
  readonly bus: MessageBus;
  readonly actors: ActorSystem;
}

/** Calls one actor again and again while its node leaves, and counts what the callers were told. */
async function callsMeanwhile(kernel: Kernel): Promise<Map<string, number>> {
  const server = new ModelServer({ kernel, version: "2.15.1" });
  const worldOf = simWorld(server);
  const start = async (name: string, hasActors: boolean): Promise<Node> => {
    const owner = new SimProcess(kernel, `${name}#1`);
    const world = worldOf(new SimLink(owner, server, { latencyMs: () => LATENCY_MS }));
    const bus = new MessageBus({ world, bus: BUS, node: name, lookoutMs: 100 });
    const actors = new ActorSystem({ world, bus });
    const create = () => ({ handle: ({ payload }: { payload: Uint8Array }) => payload });
    if (hasActors) actors.define(TYPE, { create });
    await bus.start();
    await actors.start();
    return { bus, actors };
  };
  const caller = await start("caller", false);
  const leaver = await start("leaver", true);
  const told = new Map<string, number>();
  const call = async (): Promise<void> => {
    let outcome = "value";
    try {
      await caller.actors.request(`${TYPE}/1`, "echo", tokenBytes("a"), { timeoutMs: 2_000 });
    } catch (error) {
      if (!isPartiError(error)) throw error;
      outcome = error.code;
    }
    told.set(outcome, (told.get(outcome) ?? 0) + 1);
  };
  while (!told.has("value")) await call();
  const leaving = leaver.actors.stop().then(() => leaver.bus.stop());
  const calls: Promise<void>[] = [];
  for (let n = 0; n < CALLS; n++) {
    calls.push(call());
    await kernel.sleep(1);
  }
  await Promise.all([leaving, ...calls]);
  await caller.actors.stop();
  await caller.bus.stop();
  return told;
}

Deno.test("a call that meets a node which is leaving is refused for certain, until others know", async () => {
  const kernel = new Kernel({ seed: 1 });
  const told = await kernel.run(() => callsMeanwhile(kernel));
  const seen = JSON.stringify([...told]);
  assert.equal(told.get("PARTI_MAYBE_DELIVERED"), undefined, seen);
  assert.ok((told.get("PARTI_NOT_SENT") ?? 0) > 0, seen);
  // Who asks when it has gone waits in vain for another place.
  assert.ok((told.get("PARTI_TIMEOUT") ?? 0) > 0, seen);
});
