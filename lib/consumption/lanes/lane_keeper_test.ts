import assert from "node:assert/strict";
import { laneMetadata } from "../../names.ts";
import { all, locks, team } from "./keeper_rig_test.ts";

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

Deno.test("every reconnect has its check: a second cut while one lane's check hangs costs no ack wait", async () => {
  const group = team({
    members: 1,
    partitions: 2,
    config: { ackWaitMs: 60_000 },
    temper: () => 1,
  });
  const { client, told } = group.members[0]!;
  group.assign({ p0: 0 }, 0);
  await group.clock.advance(500);
  group.assign({ p1: 0 }, 0);
  await group.clock.advance(500);
  const lane = () =>
    group.server.lanes.find(({ filterSubjects }) => filterSubjects[0] === "feed.p1")!;
  client.cut();
  client.fault("lose-answer", "info");
  client.restore();
  await group.clock.advance(100);
  assert.equal(
    told.get("laneEnded"),
    undefined,
    "the second lane is found well, the first not yet",
  );
  const before = lane().delivered;
  group.publish("p1");
  while (lane().delivered === before) await group.clock.advance(1);
  assert.equal(group.record.handled.length, 0, "the message is on its way down");
  client.cut();
  client.restore();
  await group.clock.advance(1_000);
  assert.equal(group.record.handled.length, 1);
  await group.end();
});

Deno.test("a check asked for twice after one reconnect looks at each lane once", async () => {
  const group = team({ members: 1, partitions: 2 });
  const { client, consumer } = group.members[0]!;
  group.assign(all(group, 0));
  await group.clock.advance(500);
  client.cut();
  client.restore();
  void consumer.reconnected();
  await group.clock.advance(500);
  assert.equal(group.server.calls.get("info"), group.server.lanes.length);
  await group.end();
});

Deno.test("a check still under way at the end leaves nothing behind", async () => {
  const group = team({ members: 1, partitions: 1 });
  const { client, consumer } = group.members[0]!;
  group.assign(all(group, 0));
  await group.clock.advance(500);
  client.cut();
  client.fault("lose-request", "info");
  client.restore();
  const checked = consumer.reconnected();
  await group.clock.advance(2_010);
  consumer.fence("killed");
  await checked;
  // What was on its way to the server.
  await group.clock.advance(10);
  assert.equal(group.clock.pendingTimers, 0);
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

Deno.test("a lane that is kept as a lock and gone after a reconnect is replaced while its handler runs", async () => {
  const group = team({ members: 1, partitions: 2, temper: () => 1_500 });
  const { client, told } = group.members[0]!;
  group.assign(all(group, 0));
  await group.clock.advance(500);
  group.publish("p0");
  await group.clock.advance(50);
  group.publish("p1");
  while (group.server.lanes[0]!.delivered < 2) await group.clock.advance(1);
  // What is on its way is lost, so the lane ends; p0's handler runs, and the lane is kept for it.
  client.cut();
  client.restore();
  await group.clock.advance(200);
  assert.equal(told.get("laneEnded"), 1);
  assert.equal(locks(group)["feed.p0"], "instance-0");
  // The server starts anew, and has forgotten all lanes.
  client.cut();
  for (const { name } of group.server.lanes) group.server.delete(name);
  client.restore();
  await group.clock.advance(200);
  assert.equal(group.record.handled.length, 0);
  assert.equal(locks(group)["feed.p0"], "instance-0", "what is handled is locked again");
  await group.drained();
  group.record.assertExact();
  await group.end();
});

Deno.test("what goes without being released is told as lost: a lane that ended before its partitions went to others, and all with the right", async () => {
  const group = team({ members: 2, partitions: 2 });
  const [one, two] = group.members;
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  const [lane] = group.server.lanes;
  group.server.delete(lane!.name);
  group.server.create({
    name: "next",
    filterSubjects: lane!.filterSubjects,
    ackWaitMs: 1_000,
    maxAckPending: 10,
    inactiveThresholdMs: 60_000,
    metadata: laneMetadata({ group: "test", worker: "w-1", instance: two!.instance }, 9, 9),
  });
  while (!one!.told.has("laneEnded")) await group.clock.advance(100);
  assert.deepEqual(one!.lost, []);
  group.assign(all(group, 1), 0);
  await group.clock.advance(500);
  assert.deepEqual([...one!.lost].sort(), group.partitions);
  assert.equal(one!.told.get("released"), undefined);
  group.server.delete("next");
  await group.clock.advance(2_000);
  assert.deepEqual(two!.lost, []);
  two!.consumer.fence("its lease is over");
  assert.deepEqual([...two!.lost].sort(), group.partitions);
});
