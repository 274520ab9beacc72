import assert from "node:assert/strict";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { Forwarder } from "./forwarder.ts";

const ID = "a::b/c";
const CALL = { to: ID, hops: 0 };

/** A forwarder that has just read where an actor is. */
function rig() {
  const clock = new ManualClock();
  const alive = new Set(["node_1"]);
  const forwarder = new Forwarder({
    world: { clock, messaging: {} } as never,
    bus: { name: "test", lookoutMs: 100, outbox: {} } as never,
    nodes: { isAlive: (address) => alive.has(address), proveDead: () => Promise.resolve(false) },
    onError: assert.fail,
  });
  forwarder.learn(ID, "node_1");
  return { forwarder, alive };
}

Deno.test("forwarder: what was read a moment ago is where a call is sent on", async () => {
  const { forwarder } = rig();
  assert.equal(forwarder.recent(CALL), "node_1");
  assert.equal(forwarder.recent({ ...CALL, to: "a::b/d" }), undefined);
  await forwarder.close();
});

Deno.test("forwarder: no call is sent on to whoever is not seen to live any more", async () => {
  const { forwarder, alive } = rig();
  alive.clear();
  assert.equal(forwarder.recent(CALL), undefined);
  await forwarder.close();
});

Deno.test("forwarder: whoever was chosen for an actor looks it up, whatever was read before", async () => {
  const { forwarder } = rig();
  assert.equal(forwarder.recent({ ...CALL, placed: true }), undefined);
  await forwarder.close();
});

Deno.test("forwarder: for a call that was sent on before it is looked up where to", async () => {
  const { forwarder } = rig();
  assert.equal(forwarder.recent({ ...CALL, hops: 1 }), undefined);
  await forwarder.close();
});
