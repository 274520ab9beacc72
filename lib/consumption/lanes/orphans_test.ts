import assert from "node:assert/strict";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import { ModelClient } from "../model_client_test.ts";
import { ModelServer } from "../model_server_test.ts";
import { Orphans } from "./orphans.ts";

function rig() {
  const clock = new ManualClock();
  const server = new ModelServer(clock);
  const client = new ModelClient(server, { random: () => 1, latencyMaxMs: 1 });
  const told = { errors: 0, gone: 0 };
  const orphans = new Orphans({
    world: client.world,
    onError: () => told.errors++,
    onGone: () => told.gone++,
  });
  const create = (name: string) =>
    server.create({
      name,
      filterSubjects: [`feed.${name}`],
      ackWaitMs: 1_000,
      maxAckPending: 1,
      inactiveThresholdMs: 1_000,
      metadata: {},
    });
  return { clock, server, client, told, orphans, create };
}

Deno.test("an orphan is deleted at once, also if it was never there", async () => {
  const { clock, server, orphans, told, create } = rig();
  create("a");
  orphans.add("feed", "a");
  orphans.add("feed", "never");
  orphans.start();
  await clock.advance(10);
  assert.deepEqual([orphans.size, server.lanes.length, told.gone, told.errors], [0, 0, 1, 0]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a deletion that fails is tried again in a while, not at once, and ends with the close", async () => {
  const { clock, server, client, orphans, told } = rig();
  for (let i = 0; i < 3; i++) client.fault("lose-request", "delete");
  orphans.add("feed", "a");
  orphans.start();
  await clock.advance(8_000);
  assert.deepEqual([told.errors, orphans.size, server.calls.get("delete")], [3, 0, 1]);
  client.fault("lose-request", "delete");
  orphans.add("feed", "b");
  orphans.start();
  await clock.advance(2_100);
  orphans.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("without a connection nothing is tried", async () => {
  const { client, orphans, told } = rig();
  client.cut();
  orphans.add("feed", "a");
  orphans.start();
  await settle();
  assert.deepEqual([orphans.size, told.errors], [1, 0]);
});
