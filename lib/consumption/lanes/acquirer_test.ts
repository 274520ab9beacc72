import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../../errors.ts";
import { laneMetadata } from "../../names.ts";
import { all, calls, locks, team } from "./keeper_rig_test.ts";

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

Deno.test("whoever is refused by a lane of a later generation says that it is behind, and leaves it alone", async () => {
  const group = team({ members: 1 });
  const { told } = group.members[0]!;
  group.assign(all(group, 0), 0);
  await group.clock.advance(500);
  assert.equal(told.get("behind"), undefined);
  // It hears of no assignment any more, and its lane ends; the next owner is quicker.
  const [lane] = group.server.lanes;
  group.server.delete(lane!.name);
  group.server.create({
    name: "later",
    filterSubjects: lane!.filterSubjects,
    ackWaitMs: 1_000,
    maxAckPending: 10,
    inactiveThresholdMs: 60_000,
    metadata: laneMetadata({ group: "test", worker: "w-9", instance: "next" }, 9, 9),
  });
  await group.clock.advance(2_000);
  assert.ok((told.get("behind") ?? 0) > 0);
  assert.equal(told.get("evicted"), undefined);
  assert.deepEqual(group.server.lanes.map(({ name }) => name), ["later"]);
});

Deno.test("whoever loses its right while it looks who holds what deletes nothing", async () => {
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
  while ((group.server.calls.get("list") ?? 0) === 0) await group.clock.advance(0.1);
  // The answer is on its way.
  const { consumer, told } = group.members[0]!;
  consumer.fence("its lease is over");
  await group.clock.advance(500);
  assert.equal(told.get("evicted"), undefined);
  assert.ok(group.server.lanes.some(({ name }) => name === "late"));
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

Deno.test("a stream made anew as one that is no lock is not consumed, and its worker says so", async () => {
  const group = team({ members: 1 });
  const { consumer, errors } = group.members[0]!;
  group.assign(all(group, 0));
  await group.clock.advance(500);
  // With a stream its consumers go.
  group.server.retention = "limits";
  group.server.delete(group.server.lanes[0]!.name);
  await group.clock.advance(2_000);
  assert.deepEqual([group.server.lanes.length, consumer.health().healthy], [0, false]);
  assert.ok(errors.every((error) => isPartiError(error, "PARTI_INVALID_CONFIG")));
  errors.length = 0;
  group.server.retention = "workqueue";
  await group.clock.advance(2_000);
  assert.equal(consumer.health().healthy, true);
  errors.length = 0;
  await group.end();
});

Deno.test("a stream that was not there when a lane was to be made is checked before the next try", async () => {
  const group = team({ members: 1 });
  const { client, consumer, errors } = group.members[0]!;
  const { feed } = client.world;
  const create = feed.createConsumer.bind(feed);
  let misses = 1;
  feed.createConsumer = async (stream, config) => {
    if (misses-- > 0) throw new PartiError("PARTI_NOT_FOUND", "stream not found");
    await create(stream, config);
  };
  group.server.retention = "interest";
  group.assign(all(group, 0));
  await group.clock.advance(2_000);
  assert.equal(group.server.lanes.length, 0);
  assert.ok(errors.some((error) => isPartiError(error, "PARTI_INVALID_CONFIG")));
  group.server.retention = "workqueue";
  errors.length = 0;
  await group.clock.advance(2_000);
  assert.equal(consumer.health().healthy, true);
  errors.length = 0;
  await group.end();
});

Deno.test("lanes ask for less while more is not allowed; a refusal for another reason makes none narrower", async () => {
  const group = team({ members: 1 });
  const { client: { world: { feed } }, consumer, errors } = group.members[0]!;
  const create = feed.createConsumer.bind(feed);
  const asked: number[] = [];
  let most = Infinity;
  const failures = [new PartiError("PARTI_REFUSED", "for a moment")];
  feed.createConsumer = async (stream, config) => {
    asked.push(config.maxAckPending);
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    if (config.maxAckPending > most) throw new PartiError("PARTI_LIMIT_EXCEEDED", "too much");
    await create(stream, config);
  };
  const anew = async () => {
    asked.length = 0;
    group.assign({ p0: 1 }, 0);
    await group.clock.advance(500);
    group.assign({ p0: 0 }, 0);
    await group.clock.advance(500);
    assert.equal(consumer.health().healthy, true);
    return asked;
  };
  group.assign({ p0: 0 }, 0);
  await group.clock.advance(500);
  assert.deepEqual(asked, [65_536, 65_536]);
  most = 5_000;
  assert.deepEqual(await anew(), [65_536, 4_096]);
  assert.deepEqual(await anew(), [4_096]);
  most = Infinity;
  await group.clock.advance(60_000);
  assert.deepEqual(await anew(), [65_536]);
  errors.length = 0;
  await group.end();
});
