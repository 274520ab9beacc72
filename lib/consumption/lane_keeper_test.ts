import assert from "node:assert/strict";
import { all, team } from "./keeper_rig_test.ts";

Deno.test("a delivery lost on a cut connection is noticed after the reconnect, long before the ack wait ends", async () => {
  const group = team({ members: 1, config: { ackWaitMs: 60_000 } });
  group.assign(all(group, 0));
  await group.clock.advance(500);
  group.publish("p0");
  // On its way down.
  while (group.server.lanes[0]!.delivered === 0) await group.clock.advance(1);
  group.members[0]!.client.cut();
  group.members[0]!.client.restore();
  await group.clock.advance(1_000);
  assert.equal(group.record.handled.length, 1);
  assert.equal(group.members[0]!.told.get("laneEnded"), 1);
  await group.end();
});

Deno.test("acks lost on a cut connection are sent again, so that the next owner does not repeat", async () => {
  const group = team({ config: { ackWaitMs: 60_000 }, temper: () => 1, latencyMaxMs: 20 });
  group.assign(all(group, 0));
  await group.clock.advance(500);
  for (const partition of group.partitions) group.publish(partition);
  const { client } = group.members[0]!;
  while (group.record.handled.length < 4) await group.clock.advance(1);
  client.cut();
  assert.ok(group.server.feed.size > 0, "an ack is on its way");
  await group.clock.advance(100);
  client.restore();
  group.assign(all(group, 1), 0);
  await group.clock.advance(1_000);
  assert.equal(group.server.feed.size, 0);
  group.record.assertExact();
  await group.end();
});

Deno.test("an external deletion is answered with a new lane, without replay", async () => {
  const group = team({ members: 1, temper: () => 1 });
  group.assign(all(group, 0), 0);
  for (const name of group.partitions) group.publish(name);
  await group.drained();
  group.server.delete(group.server.lanes[0]!.name);
  for (const name of group.partitions) group.publish(name);
  await group.drained();
  group.record.assertExact();
  assert.equal(group.record.handled.length, 8);
  await group.end();
});
