/** A bus that cannot start, or is stopped meanwhile, says so, and nothing of it is left; and what one does that others have the name of. */
import assert from "node:assert/strict";
import { MessageBus } from "../../bus/bus.ts";
import { addressSubject } from "../../bus/names.ts";
import { PartiError } from "../../errors.ts";
import type { World } from "../../ports/world.ts";
import { changedMessaging } from "../../test_support/changed_world.ts";
import { Kernel } from "../kernel/kernel.ts";
import { SimProcess } from "../kernel/node.ts";
import { CoreModel } from "../nats/core_model.ts";
import { SimLink } from "../nats/link.ts";
import { ModelServer } from "../nats/server.ts";
import { simWorld } from "../nats/sim_world.ts";
import { BUS } from "./bus_cluster.ts";
import { tokenBytes, tokenOf } from "./ledger.ts";

interface Rig {
  readonly kernel: Kernel;
  readonly server: ModelServer;
  readonly world: World;
  readonly link: SimLink;
}

async function simulated(play: (rig: Rig) => Promise<void>): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const server = new ModelServer({ kernel, version: "2.15.1" });
    const link = new SimLink(new SimProcess(kernel, "node#1"), server, { latencyMs: () => 5 });
    await play({ kernel, server, link, world: simWorld(server)(link) });
    link.close();
  });
}

/** A world in which one of its subscriptions cannot be made, as over a connection that was closed in that moment. */
function failingOnce(world: World, failing: number): World {
  let made = 0;
  return changedMessaging(world, {
    subscribe: (...args) => {
      if (++made === failing) throw new PartiError("PARTI_DISCONNECTED", "made to fail");
      return world.messaging.subscribe(...args);
    },
  });
}

Deno.test("a bus whose connection is closed stops as it starts", async () => {
  await simulated(async ({ world, link }) => {
    const bus = new MessageBus({ world, bus: BUS, node: "node" });
    link.close();
    await assert.rejects(bus.start(), { code: "PARTI_DISCONNECTED" });
    assert.equal(bus.running, false);
    await assert.rejects(bus.start(), { code: "PARTI_STOPPED" });
  });
});

Deno.test("a bus that cannot listen to all it should leaves nothing behind", async () => {
  await simulated(async ({ kernel, server, world }) => {
    const bus = new MessageBus({ world: failingOnce(world, 2), bus: BUS, node: "node" });
    await assert.rejects(bus.start(), { code: "PARTI_DISCONNECTED" });
    await kernel.sleep(100);
    assert.equal(CoreModel.of(server).subscriptionCount, 0);
  });
});

Deno.test("a bus that is stopped while it starts says that it has not started", async () => {
  await simulated(async ({ world }) => {
    const bus = new MessageBus({ world, bus: BUS, node: "node" });
    const refused = assert.rejects(bus.start(), { code: "PARTI_STOPPED" });
    await bus.stop();
    await refused;
  });
});

Deno.test("an address that could not be listened to is not taken for the node's own", async () => {
  await simulated(async ({ world }) => {
    await using bus = new MessageBus({ world: failingOnce(world, 3), bus: BUS, node: "node" });
    await bus.start();
    const address = bus.newAddress();
    assert.throws(() => bus.listenAt(address), { code: "PARTI_DISCONNECTED" });
    const errand = { to: "nobody", method: "x", payload: new Uint8Array() };
    await bus.caller.tell(bus.outbox.to(addressSubject(BUS, address)), errand, {});
    assert.equal(bus.counts.received, 0);
  });
});

Deno.test("of two processes with one name both handle a call, and the answer that comes first counts", async () => {
  await simulated(async ({ kernel, server, world }) => {
    const orphans: string[] = [];
    const onOrphan = ({ at }: { readonly at: string }): void => void orphans.push(at);
    await using caller = new MessageBus({ world, bus: BUS, node: "caller", onOrphan });
    await caller.start();
    const twins = ["twin#1", "twin#2"].map((name) => {
      const link = new SimLink(new SimProcess(kernel, name), server, { latencyMs: () => 5 });
      return new MessageBus({ world: simWorld(server)(link), bus: BUS, node: "twin" });
    });
    for (const twin of twins) {
      twin.handle("who", () => tokenBytes(twin.address));
      await twin.start();
    }
    const told = await caller.request({ node: "twin", type: "who" }, "x", new Uint8Array());
    await kernel.sleep(100);
    const addresses = twins.map(({ address }) => address);
    assert.deepEqual([tokenOf(told), ...orphans].sort(), addresses.sort());
    for (const twin of twins) await twin.stop();
  });
});

Deno.test("no handler begins on a call whose time is over", async () => {
  await simulated(async ({ kernel, world }) => {
    const errors: PartiError[] = [];
    const onError = (error: PartiError): void => void errors.push(error);
    await using bus = new MessageBus({ world, bus: BUS, node: "node", onError });
    let handled = 0;
    bus.handle("count", () => void handled++);
    await bus.start();
    const target = { node: "node", type: "count" };
    await bus.oneway(target, "x", new Uint8Array(), { timeoutMs: 0 });
    await kernel.sleep(100);
    assert.deepEqual([handled, errors.map(({ code }) => code)], [0, ["PARTI_TIMEOUT"]]);
  });
});
