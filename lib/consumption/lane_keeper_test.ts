/** The keeper and its parts, seen from outside: consumers on the model server, where time is ours and everything can go wrong. */
import assert from "node:assert/strict";
import { laneMetadata } from "../names.ts";
import { ModelTeam, type ModelTeamOptions } from "./model_team_test.ts";

function team(options: Partial<ModelTeamOptions> = {}): ModelTeam {
  return new ModelTeam({ seed: 1, members: 2, partitions: 4, ...options });
}

/** Which member's lanes have which subjects on the server. */
function locks(team: ModelTeam): Record<string, string> {
  const entries = team.server.lanes.flatMap(({ metadata, filterSubjects }) =>
    filterSubjects.map((subject) => [subject, metadata["parti_instance"]!] as const)
  );
  return Object.fromEntries(entries.sort());
}

const all = (team: ModelTeam, index: number) =>
  Object.fromEntries(team.partitions.map((name) => [name, index]));

function calls(team: ModelTeam): number {
  return [...team.server.calls.values()].reduce((sum, count) => sum + count, 0);
}

Deno.test("partitions gained together are one lane, and nothing wanted is no lane", async () => {
  const group = team();
  group.assign(all(group, 0));
  await group.clock.advance(1_000);
  assert.equal(group.server.lanes.length, 1);
  assert.deepEqual(group.server.lanes[0]!.filterSubjects.length, 4);
  group.assign({ p1: 1 });
  await group.clock.advance(1_000);
  assert.equal(locks(group)["feed.p1"], "instance-1");
  group.assign(all(group, 1));
  await group.clock.advance(1_000);
  assert.deepEqual(new Set(Object.values(locks(group))), new Set(["instance-1"]));
  assert.equal(group.members[0]!.consumer.health().lanes, 0);
  await group.end();
});

Deno.test("W-3: swaps and cycles of partitions settle at once", async () => {
  const group = team({ members: 3, partitions: 3 });
  group.assign({ p0: 0, p1: 1, p2: 2 });
  await group.clock.advance(500);
  group.assign({ p0: 1, p1: 2, p2: 0 }, 0);
  await group.clock.advance(150);
  assert.deepEqual(locks(group), {
    "feed.p0": "instance-1",
    "feed.p1": "instance-2",
    "feed.p2": "instance-0",
  });
  await group.end();
});

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
  group.assign({ p0: 1 }, 0);
  await group.clock.advance(320);
  assert.equal(locks(group)["feed.p0"], "instance-1");
  group.members[1]!.consumer.pause();
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

Deno.test("a lane whose create was carried out but never answered is deleted and blocks nobody", async () => {
  const group = team({ members: 1 });
  group.members[0]!.client.fault("lose-answer", "create");
  group.assign(all(group, 0));
  await group.clock.advance(100);
  assert.equal(group.server.lanes.length, 1, "it is there");
  group.publish("p0");
  await group.clock.advance(2_500);
  assert.equal(group.record.handled.length, 1);
  assert.equal(group.server.lanes.length, 1);
  await group.end();
});

Deno.test("a lane made after the end is undone", async () => {
  for (const how of ["fence", "close"] as const) {
    const group = team({ members: 1, latencyMaxMs: 50 });
    group.assign(all(group, 0), 0);
    await group.clock.advance(1);
    const { consumer } = group.members[0]!;
    const ended = how === "fence" ? consumer.fence("over") : consumer.close();
    await group.clock.advance(1_000);
    await ended;
    assert.deepEqual(group.server.lanes, [], how);
    assert.ok((group.server.calls.get("create") ?? 0) > 0);
    await consumer.close();
    assert.equal(group.clock.pendingTimers, 0);
  }
});

Deno.test("a zombie's late lane is evicted by whoever is refused because of it", async () => {
  const group = team({ members: 1 });
  group.server.create({
    name: "late",
    filterSubjects: ["feed.p0"],
    ackWaitMs: 1_000,
    maxAckPending: 10,
    inactiveThresholdMs: 60_000,
    metadata: laneMetadata({ group: "test", worker: "w-9", instance: "zombie" }, 1, 0),
  });
  group.assign(all(group, 0), 0);
  group.publish("p0");
  await group.clock.advance(500);
  assert.equal(group.members[0]!.told.get("evicted"), 1);
  assert.equal(group.record.handled.length, 1);
  await group.end();
});

Deno.test("a foreign consumer is never touched: the rest is held, health and errors tell", async () => {
  const group = team({ members: 1 });
  group.server.create({
    name: "theirs",
    filterSubjects: ["feed.p0"],
    ackWaitMs: 1_000,
    maxAckPending: 10,
    inactiveThresholdMs: 60_000,
    metadata: {},
  });
  group.assign(all(group, 0), 0);
  await group.clock.advance(3_000);
  const { consumer, errors } = group.members[0]!;
  assert.deepEqual(consumer.health().waiting, ["p0"]);
  assert.deepEqual([consumer.health().healthy, consumer.health().held], [false, 3]);
  assert.ok(errors.some((error) => (error as { value?: unknown }).value === "theirs"));
  errors.length = 0;
  group.server.delete("theirs");
  await group.clock.advance(2_000);
  assert.equal(consumer.health().healthy, true);
  errors.length = 0;
  await group.end();
});

Deno.test("refused for long, a worker asks a few times per second at most, however many partitions it waits for", async () => {
  const group = team({ partitions: 100 });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  // The first one never hears of it, and everybody knows it: it holds by right.
  const [, second] = group.members;
  second!.consumer.update({
    epoch: 1,
    generation: 50,
    partitions: group.partitions.map((name) => ({ keys: [name] })),
    isKnown: () => true,
    contenderOf: (id) => `contender ${id}`,
  });
  await group.clock.advance(10_000);
  const before = calls(group);
  await group.clock.advance(60_000);
  const perSecond = (calls(group) - before) / 60;
  assert.ok(perSecond > 0.5 && perSecond < 4, `${perSecond} calls per second`);
  await group.end();
});

Deno.test("W-37: disconnected, nothing is asked at all; a server that answers with errors is not stormed", async () => {
  const group = team({ members: 1 });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  const { client } = group.members[0]!;
  client.cut();
  group.assign({ p0: 9 }, 0);
  const timers = group.clock.pendingTimers;
  await group.clock.advance(30_000);
  assert.ok(group.clock.pendingTimers <= timers + 2);
  assert.equal(group.members[0]!.errors.length, 0);
  client.restore();
  await group.clock.advance(1_000);
  assert.equal(locks(group)["feed.p0"], undefined);
  // A lane that is deleted as soon as it is there, again and again.
  const before = calls(group);
  for (let ms = 0; ms < 30_000; ms += 20) {
    for (const { name } of group.server.lanes) group.server.delete(name);
    await group.clock.advance(20);
  }
  const perSecond = (calls(group) - before) / 30;
  // The deletions of this test count, too.
  assert.ok(perSecond < 8, `${perSecond} calls per second`);
  group.owners.delete("p0");
  await group.clock.advance(6_000);
  assert.equal(group.members[0]!.consumer.health().held, 3);
  await group.end();
});

Deno.test("a pause by wish isolates nobody, though one partition fills the lane", async () => {
  const group = team({ members: 1, partitions: 4, temper: () => 5 });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  const { consumer } = group.members[0]!;
  consumer.pause();
  for (let i = 0; i < 100; i++) group.publish("p0");
  await group.clock.advance(2_000);
  assert.deepEqual([consumer.health().lanes, consumer.health().buffered], [1, 16]);
  consumer.resume();
  await group.drained();
  group.record.assertExact();
  await group.end();
});

Deno.test("a hot partition is left alone in its lane, and the others have one without its backlog", async () => {
  const group = team({
    members: 1,
    partitions: 4,
    config: { prefetch: 16, maxLanes: 4 },
    temper: () => 50,
  });
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  for (let i = 0; i < 200; i++) group.publish("p0");
  for (const quiet of ["p1", "p2", "p3"]) group.publish(quiet);
  await group.clock.advance(2_500);
  const quiet = group.record.handled.filter(({ partition }) => partition !== "p0").length;
  assert.equal(quiet, 3, "behind 200 messages of 50 ms they would wait for 10 s");
  assert.equal(group.members[0]!.consumer.health().lanes, 2);
  await group.drained();
  group.record.assertExact();
  await group.end();
});

Deno.test("lanes stay few under moves, and merging does not become a storm", async () => {
  const group = team({ members: 3, partitions: 60, temper: () => 2, config: { maxLanes: 4 } });
  group.assign(Object.fromEntries(group.partitions.map((name, i) => [name, i % 3])), 0);
  const counts: number[] = [];
  for (let step = 0; step < 120; step++) {
    group.assign(Object.fromEntries(
      group.partitions.filter(() => group.random() < 0.05).map((name) => [name, group.pick(3)]),
    ));
    for (const name of group.partitions) if (group.random() < 0.3) group.publish(name);
    await group.clock.advance(500);
    counts.push(Math.max(...group.members.map(({ consumer }) => consumer.health().lanes)));
  }
  const merges = group.members.reduce((sum, { told }) => sum + (told.get("compacted") ?? 0), 0);
  assert.ok(Math.max(...counts) <= 20, `${Math.max(...counts)} lanes`);
  assert.ok(merges > 0 && merges <= 3 * 60 / 2.5, `${merges} merges in 60 s`);
  await group.clock.advance(10_000);
  for (const { consumer } of group.members) assert.ok(consumer.health().lanes <= 4);
  await group.drained();
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

Deno.test("W-7: an assignment that is older than the last one is ignored, the same one again does nothing", async () => {
  const group = team({ members: 1 });
  const { consumer } = group.members[0]!;
  const told = (generation: number, epoch: number, ...ids: string[]) =>
    consumer.update({ epoch, generation, partitions: ids.map((id) => ({ keys: [id] })) });
  assert.equal(told(5, 2, "p0", "p1"), true);
  await group.clock.advance(100);
  assert.equal(told(4, 2, "p2"), false);
  assert.equal(told(9, 1, "p2"), false);
  const before = calls(group);
  assert.equal(told(5, 2, "p1", "p0", "p1"), true);
  await group.clock.advance(100);
  assert.equal(calls(group), before);
  assert.deepEqual(Object.keys(locks(group)), ["feed.p0", "feed.p1"]);
  assert.throws(() => told(6, 2, "a.b"), { code: "PARTI_INVALID_PARTITION" });
  assert.deepEqual(Object.keys(locks(group)), ["feed.p0", "feed.p1"]);
  await group.end();
  assert.throws(() => told(7, 2, "p0"), { code: "PARTI_STOPPED" });
});

Deno.test("the token of a partition held all the time rises with the assignment", async () => {
  // A worker may see generations 1 and 3, while in 2, which it missed, another one had the partition and wrote.
  const group = team({ members: 2, partitions: 1, temper: () => 1 });
  group.members[0]!.consumer.pause();
  group.assign({ p0: 0 }, 0);
  await group.clock.advance(100);
  group.members[0]!.client.cut();
  group.publish("p0");
  for (const { name } of group.server.lanes) group.server.delete(name);
  const second = group.members[1]!.consumer;
  const tell = (generation: number, ...ids: string[]) => ({
    epoch: 1,
    generation,
    partitions: ids.map((id) => ({ keys: [id] })),
  });
  second.update(tell(2, "p0"));
  await group.clock.advance(500);
  assert.equal(group.server.output.length, 1);
  second.update(tell(3));
  await group.clock.advance(500);
  group.members[0]!.consumer.update(tell(3, "p0"));
  group.members[0]!.client.restore();
  group.members[0]!.consumer.resume();
  group.publish("p0");
  await group.drained();
  group.assertEffects();
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
