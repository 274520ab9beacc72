import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { all, locks, team } from "./keeper_rig_test.ts";

Deno.test("a partition wanted again while its handler still runs goes on as if nothing had been", async () => {
  const group = team({ temper: () => 400 });
  group.assign(all(group, 0));
  await group.clock.advance(100);
  for (let i = 0; i < 3; i++) group.publish("p0");
  await group.clock.advance(50);
  group.assign({ p0: 1 }, 0);
  await group.clock.advance(50);
  group.assign({ p0: 0 }, 0);
  await group.clock.advance(2_000);
  group.record.assertExact();
  assert.ok(group.record.handled.every(({ worker }) => worker === "w-0"));
  assert.equal(group.server.feed.size, 0);
  await group.end();
});

/** A member whose only message has failed, so that nothing of it runs for seconds. */
async function pausing() {
  const group = team({
    partitions: 1,
    failures: 1,
    temper: () => 1,
    config: { retryBaseMs: 5_000, retryMaxMs: 5_000 },
    drainTimeoutMs: 4_000,
  });
  group.assign({ p0: 0 }, 0);
  await group.clock.advance(500);
  group.publish("p0");
  while (group.record.started.length === 0) await group.clock.advance(1);
  await group.clock.advance(10);
  assert.deepEqual(group.record.handled, []);
  return group;
}

Deno.test("a move does not wait for the pause after a failure", async () => {
  const group = await pausing();
  group.assign({ p0: 1 }, 0);
  await group.clock.advance(200);
  assert.equal(locks(group)["feed.p0"], "instance-1");
  await group.drained();
  await group.end();
});

Deno.test("an end does not wait for the pause after a failure", async () => {
  const group = await pausing();
  let closed = false;
  void group.members[0]!.consumer.close().then(() => closed = true);
  await group.clock.advance(200);
  assert.equal(closed, true);
  assert.equal(group.server.lanes.length, 0);
});

Deno.test("a partition wanted again while it is taken off its lane is acquired anew", async () => {
  const group = team({ latencyMaxMs: 50 });
  group.assign(all(group, 0));
  await group.clock.advance(500);
  group.assign({ p0: 1 }, 0);
  await group.clock.advance(20);
  group.assign({ p0: 0 }, 0);
  for (let i = 0; i < 5; i++) group.publish("p0");
  await group.drained();
  group.record.assertExact();
  assert.equal(locks(group)["feed.p0"], "instance-0");
  await group.end();
});

Deno.test("a handler that outlasts its time: the partition moves, comes back, and its message is not run twice at once here", async () => {
  let slow = true;
  const group = team({
    members: 2,
    obedient: false,
    temper: () => slow ? 5_000 : 10,
    drainTimeoutMs: 300,
  });
  group.assign(all(group, 0));
  await group.clock.advance(100);
  for (let i = 0; i < 3; i++) group.publish("p0");
  await group.clock.advance(100);
  slow = false;
  // There and back within the handler's time: the message comes here again while its handler still runs.
  group.members[1]!.consumer.pause();
  group.assign({ p0: 1 }, 0);
  for (let ms = 0; ms < 400 && locks(group)["feed.p0"] !== "instance-1"; ms += 10) {
    await group.clock.advance(10);
  }
  assert.equal(locks(group)["feed.p0"], "instance-1");
  group.assign({ p0: 0 }, 0);
  await group.clock.advance(500);
  assert.equal(locks(group)["feed.p0"], "instance-0");
  assert.equal(group.members[0]!.consumer.health().running, 1);
  const started = group.record.started.filter(({ worker }) => worker === "w-0");
  assert.equal(started.length, 1, "no second handler beside the first one");
  await group.drained();
  group.assertEffects();
  const order = group.record.started.filter(({ worker }) => worker === "w-0");
  assert.deepEqual(order.map(({ payload }) => payload), ["1", "1", "2", "3"]);
  await group.end();
});

Deno.test("a lane that ends while a handler runs stays the lock on what it handles, and on nothing else", async () => {
  const group = team({ temper: () => 800, partitions: 2 });
  group.assign({ p0: 0, p1: 0 });
  await group.clock.advance(100);
  group.publish("p0");
  await group.clock.advance(50);
  // p0 is to move, and its handler runs; then a delivery of p1 is lost.
  group.assign({ p0: 1 }, 0);
  await group.clock.advance(50);
  group.publish("p1");
  const { client, told, consumer } = group.members[0]!;
  assert.equal(group.server.lanes[0]!.delivered, 2, "it is on its way");
  client.cut();
  client.restore();
  await group.clock.advance(200);
  assert.equal(told.get("laneEnded"), 1);
  assert.equal(consumer.health().running, 2, "p1 has a lane again");
  assert.equal(locks(group)["feed.p0"], "instance-0", "its handler still runs");
  await group.clock.advance(1_000);
  assert.equal(locks(group)["feed.p0"], "instance-1");
  group.record.assertExact();
  await group.end();
});

Deno.test("a lane that ended and cannot be shrunk stays the lock on what it handles", async () => {
  const group = team({ temper: () => 6_000, drainTimeoutMs: 10_000, partitions: 2 });
  group.assign({ p0: 0, p1: 0 });
  await group.clock.advance(100);
  group.publish("p0");
  await group.clock.advance(50);
  group.assign({ p0: 1 }, 0);
  await group.clock.advance(50);
  group.publish("p1");
  const { client, consumer } = group.members[0]!;
  client.cut();
  client.restore();
  client.fault("lose-request", "shrink");
  await group.clock.advance(4_000);
  assert.equal(locks(group)["feed.p0"], "instance-0", "its handler still runs");
  assert.equal(consumer.health().running, 2, "p1 has a lane again all the same");
  await group.clock.advance(10_000);
  assert.equal(locks(group)["feed.p0"], "instance-1");
  group.record.assertExact();
  await group.end();
});

Deno.test("releasing partitions with deep backlogs does not use up the lane's credit with the server", async () => {
  // The new owner does not come to work, so what was handed out here and let go stays unacknowledged.
  const group = team({
    members: 2,
    partitions: 40,
    config: { prefetch: 256, ackWaitMs: 60_000 },
    temper: () => 20,
  });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  group.members[1]!.consumer.pause();
  for (let i = 0; i < 50; i++) for (const name of group.partitions) group.publish(name);
  for (const name of group.partitions.slice(1)) {
    group.assign({ [name]: 1 }, 0);
    await group.clock.advance(60);
  }
  await group.clock.advance(3_000);
  const kept = group.record.handled.filter(({ partition }) => partition === "p0").length;
  assert.equal(kept, 50, "the partition that stayed went on");
  group.members[1]!.consumer.resume();
  await group.drained();
  group.record.assertExact();
  await group.end();
});

Deno.test("close without a connection ends all the same, and a handler that never ends is waited for only so long", async () => {
  const group = team({ members: 1, temper: () => 100_000, obedient: false });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  for (const name of group.partitions) group.publish(name);
  await group.clock.advance(100);
  const { client, consumer } = group.members[0]!;
  client.cut();
  let closed = false;
  void consumer.close().then(() => closed = true);
  await group.clock.advance(900);
  assert.equal(closed, false, "handlers have their time");
  await group.clock.advance(200);
  assert.equal(closed, true);
});

Deno.test("close deletes the lanes; a handler whose lane was lost is given its time, not more", async () => {
  const group = team({ members: 1, temper: () => 100_000, obedient: false });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  group.publish("p0");
  await group.clock.advance(50);
  group.server.delete(group.server.lanes[0]!.name);
  await group.clock.advance(100);
  let closed = false;
  void group.members[0]!.consumer.close().then(() => closed = true);
  await group.clock.advance(1_200);
  assert.equal(closed, true);
  assert.deepEqual(group.server.lanes, []);
});

Deno.test("a handler that ends while the acks of its ended lane are confirmed lets go of its partition after its own is", async () => {
  for (let workMs = 80; workMs <= 200; workMs += 10) {
    const group = team({ partitions: 2, temper: () => workMs });
    const { client } = group.members[0]!;
    client.acksLateMs = 80;
    group.assign(all(group, 0));
    await group.clock.advance(500);
    group.publish("p1");
    while (group.record.handled.length === 0) await group.clock.advance(1);
    group.publish("p0");
    while (group.record.started.length < 2) await group.clock.advance(1);
    group.publish("p1");
    while (group.server.lanes[0]!.delivered < 3) await group.clock.advance(1);
    // The last message of p1 is lost on its way, so the lane ends; the ack of the first is to be confirmed, and p0's handler runs.
    client.cut();
    client.restore();
    group.assign({ p0: 1, p1: 0 }, 0);
    await group.drained();
    group.record.assertExact();
    await group.end();
  }
});

/** A shard whose first key is handled for long, and on whose lane a delivery to the second is lost. */
async function stuckShard(more: Parameters<typeof team>[0], canRewind: boolean) {
  let takesMs = 20_000;
  const group = team({ members: 1, shards: 1, temper: () => takesMs, ...more });
  group.server.canRewind = canRewind;
  const { client, consumer, told } = group.members[0]!;
  group.assign({ "shard-0": 0 }, 0);
  await group.clock.advance(500);
  group.publish("p0");
  while (group.record.started.length === 0) await group.clock.advance(1);
  takesMs = 1;
  group.publish("p1");
  while (group.server.lanes[0]!.delivered < 2) await group.clock.advance(1);
  client.cut();
  client.restore();
  for (let i = 0; i < 5; i++) group.publish("p2");
  const others = () => {
    const keys = group.record.handled.map(({ partition }) => partition);
    return keys.filter((key) => key !== "p0").sort().join(" ");
  };
  return { group, client, consumer, told, others };
}

const OTHERS = "p1 p2 p2 p2 p2 p2";

Deno.test("a lost delivery holds up no key of a shard, whatever runs in it: its lane starts anew in its place, and stays the lock", async () => {
  const { group, told, others } = await stuckShard({}, true);
  const [lane] = group.server.lanes;
  await group.clock.advance(100);
  assert.equal(others(), OTHERS);
  assert.equal(told.get("laneEnded"), 1);
  assert.deepEqual(group.server.lanes.map(({ name }) => name), [lane!.name]);
  assert.equal(group.server.calls.get("create"), 1);
  await group.drained();
  group.record.assertExact();
  group.assertEffects();
  await group.end();
});

Deno.test("a shard whose lane is not known to have started anew asks again, unless it may not ask", async () => {
  for (const how of ["unanswered", "refused"] as const) {
    const { group, client, others } = await stuckShard({ drainTimeoutMs: 60_000 }, true);
    if (how === "unanswered") client.fault("lose-answer", "rewind");
    let refusals = 0;
    if (how === "refused") {
      client.world.feed.rewindConsumer = () => {
        refusals++;
        return Promise.reject(new PartiError("PARTI_REFUSED", "may not"));
      };
    }
    await group.clock.advance(5_000);
    assert.equal(others(), how === "unanswered" ? OTHERS : "", how);
    assert.equal(refusals, how === "refused" ? 1 : 0, "it is told once");
    group.members[0]!.errors.length = 0;
    await group.drained();
    assert.equal(others(), OTHERS);
    assert.deepEqual(group.record.overlaps, []);
    group.assertEffects();
    await group.end();
  }
});

Deno.test("where lanes cannot start anew a handler holds up the other keys of its shard for a drain timeout, not for as long as it runs", async () => {
  for (const obedient of [true, false]) {
    const more = { drainTimeoutMs: 1_000, obedient };
    const { group, consumer, told, others } = await stuckShard(more, false);
    await group.clock.advance(900);
    assert.equal(told.get("laneEnded"), 1);
    assert.equal(group.record.started.length, 1, "until then its handler has its time");
    await group.clock.advance(300);
    assert.equal(others(), OTHERS);
    // What does not listen is waited for, by its own key alone.
    assert.equal(group.record.handled.some(({ partition }) => partition === "p0"), obedient);
    await group.clock.advance(3_000);
    assert.deepEqual(consumer.health().longRunning, obedient ? [] : ["p0"]);
    await group.drained();
    assert.deepEqual(group.record.overlaps, []);
    group.assertEffects();
    await group.end();
  }
});
