/**
 * One of the two processes on which carts may live.
 *
 * @module
 */
import { ActorSystem, MessageBus } from "../../lib/bus/mod.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { say } from "../../tasks/console.ts";
import { exitWhenParentDies } from "../../tasks/spawn.ts";
import { BUS, CART, cartsOn, LEASE_TTL_MS } from "./cart.ts";

/**
 * Runs a node until its parent ends it.
 *
 * @param url the server
 * @param node the node's name
 */
export async function runBusDemoNode(url: string, node: string): Promise<void> {
  exitWhenParentDies();
  const world = natsWorld(await connectNats({ servers: url, name: node }));
  const bus = new MessageBus({ world, bus: BUS, node });
  const actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
  actors.define(CART, cartsOn(node));
  await bus.start();
  await actors.start();
  say("ready");
  // Its parent ends it.
  await new Promise(() => {});
}
