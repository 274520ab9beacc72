/** Partitions on the move between consumers on a real server, under load and through faults. */
import assert from "node:assert/strict";
import { LANE_PARTITIONS_MAX } from "./lanes/acquirer.ts";
import { laneMetadata } from "../names.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import { TestProxy } from "../ports/nats/tcp_proxy_test.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import { FEED, Journal, names, OUTPUT, seeded, Team } from "./team_test.ts";

/** A member over a connection that can be cut with what is under way. */
async function throughProxy(rig: Rig): Promise<{
  proxy: TestProxy;
  world: ReturnType<typeof natsWorld>;
  nc: Awaited<ReturnType<typeof connectNats>>;
}> {
  const proxy = new TestProxy(rig.server.port);
  const nc = await connectNats({ servers: proxy.url, ignoreClusterUpdates: true });
  return { proxy, nc, world: natsWorld(nc) };
}

natsTest(
  "acceptance 4: 20,000 messages and ten random moves: everything once and in order, effects too",
  async (rig) => {
    await using team = await Team.start(rig, "file");
    const partitions = names(100);
    await team.publish(partitions, 200);
    for (let i = 0; i < 4; i++) {
      const { world } = await rig.connect();
      const output = team.output(world);
      // One in four writes its effects; the others show that plain handling needs no help.
      await team.add({
        connection: { world, nc: (await rig.connect()).nc },
        ...(i > 0 ? {} : {
          handle: async (message, context) => {
            const outcome = await output.write(context, message.streamSequence, message.data);
            assert.equal(outcome, "written");
          },
        }),
      });
    }
    const random = seeded(7);
    team.assign(Object.fromEntries(partitions.map((name, index) => [name, index % 4])));
    for (let move = 1; move <= 10; move++) {
      await until("some more are handled", () => team.record.handled.length >= move * 1_500);
      const moved = partitions.filter(() => random() < 0.2);
      team.assign(Object.fromEntries(moved.map((name) => [name, Math.floor(random() * 4)])));
    }
    await team.settled();
    await team.drained();
    team.record.assertExact();
    assert.equal(team.record.handled.length, 20_000);
    assert.deepEqual(team.members.flatMap(({ errors }) => errors), []);
  },
);

natsTest(
  "W-1, W-3: a swap between two and a cycle of three under load: at once, nothing lost, repeated or reordered",
  async (rig) => {
    await using team = await Team.start(rig);
    for (let i = 0; i < 3; i++) await team.add();
    const partitions = names(12);
    team.assign(Object.fromEntries(partitions.map((name, index) => [name, index % 3])));
    await team.publish(partitions, 100);
    await until("it has begun", () => team.record.handled.length > 50);
    // A swap: what 0 has goes to 1 and the other way round.
    const swap = { 0: 1, 1: 0, 2: 2 } as Record<number, number>;
    team.assign(
      Object.fromEntries(partitions.map((name) => [name, swap[team.owners.get(name)!]!])),
    );
    const publishing = team.publish(partitions, 100);
    await team.settled();
    team.assign(
      Object.fromEntries(partitions.map((name) => [name, (team.owners.get(name)! + 1) % 3])),
    );
    await publishing;
    await team.settled();
    await team.drained();
    team.record.assertExact();
  },
);

natsTest(
  "more than 500 partitions: several lanes, none of which costs the server much to shrink",
  async (rig) => {
    await using team = await Team.start(rig);
    await team.add();
    await team.add();
    const partitions = names(1_200);
    await team.publish(partitions, 3);
    team.assign(Object.fromEntries(partitions.map((name) => [name, 0])));
    await team.settled();
    const lanes = await team.lanes();
    assert.deepEqual(
      lanes.map((lane) => lane.filterSubjects.length),
      Array(Math.ceil(1_200 / LANE_PARTITIONS_MAX)).fill(LANE_PARTITIONS_MAX),
    );
    await until("it has begun", () => team.record.handled.length > 500);
    team.assign(Object.fromEntries(partitions.slice(0, 600).map((name) => [name, 1])));
    await team.settled();
    await team.drained();
    team.record.assertExact();
  },
);

natsTest(
  "W-2: a worker that dies: its partitions go on elsewhere without any wait, once its lanes are deleted or found unlawful",
  async (rig) => {
    await using team = await Team.start(rig);
    const dead = await team.add({ handle: () => new Promise<void>(() => {}) });
    const heir = await team.add();
    const partitions = names(8);
    team.assign(Object.fromEntries(partitions.map((name) => [name, 0])));
    await team.publish(partitions, 20);
    await until("it is at work", () => dead.consumer.health().running === 8);
    await dead.nc.close();
    dead.consumer.fence("killed");
    const at = performance.now();
    team.forget(dead);
    team.assign(Object.fromEntries(partitions.map((name) => [name, 1])));
    await team.settled();
    assert.ok(performance.now() - at < 2_000, "no ack wait, no inactivity timeout");
    await until(
      "the stream is empty",
      async () => (await team.world.feed.streamInfo(FEED)).messages === 0,
    );
    assert.equal(heir.consumer.health().held, 8);
    for (const [partition, payloads] of team.record.payloads()) {
      assert.deepEqual(payloads, team.record.sentPayloads.get(partition));
    }
  },
);

natsTest(
  "a zombie's late lane is evicted by whoever is refused because of it; one made later than we know is not",
  async (rig) => {
    await using team = await Team.start(rig);
    const evicted: string[] = [];
    await team.add({ events: { evicted: (lane) => evicted.push(lane) } });
    const lane = (name: string, partition: string, generation: number) =>
      team.world.feed.createConsumer(FEED, {
        name,
        filterSubjects: [`feed.${partition}`],
        ackWaitMs: 30_000,
        maxAckPending: 10,
        inactiveThresholdMs: 60_000,
        metadata: laneMetadata({ group: "test", worker: "w-9", instance: name }, 1, generation),
      });
    await lane("zombie", "a", 0);
    await lane("newcomer", "b", 99);
    await team.publish(["a"], 3);
    team.assign({ a: 0, b: 0 });
    await until("the zombie's lane is gone", () => evicted.length === 1);
    await until("a is handled", () => team.record.handled.length === 3);
    assert.deepEqual(evicted, ["zombie"]);
    assert.deepEqual(team.members[0]!.consumer.health().waiting, ["b"]);
    await team.world.feed.deleteConsumer(FEED, "newcomer");
    await team.settled();
  },
);

natsTest(
  "a handler that outlasts its time: the partition moves, its late ack is void, the effect is there once",
  async (rig) => {
    await using team = await Team.start(rig);
    const gate = Promise.withResolvers<void>();
    const outcomes: string[] = [];
    const released: [readonly string[], boolean][] = [];
    const abandoned: string[] = [];
    const slow = await team.add({
      options: { drainTimeoutMs: 200 },
      events: {
        released: (ids, forced) => released.push([ids, forced]),
        abandoned: (id) => abandoned.push(id),
      },
      handle: async (message, context) => {
        if (context.partitionId === "a") await gate.promise;
        outcomes.push(
          await team.output(slow.world).write(context, message.streamSequence, message.data),
        );
      },
    });
    const quick = await team.add({
      handle: async (message, context) => {
        const output = team.output(quick.world);
        outcomes.push(await output.write(context, message.streamSequence, message.data));
      },
    });
    team.assign({ a: 0, b: 0 });
    await team.publish(["a", "b"], 1);
    await until(
      "b is done, a runs",
      () => outcomes.length === 1 && slow.consumer.health().running === 1,
    );
    team.assign({ a: 1 });
    await until("a is done by the new owner", () => outcomes.length === 2);
    assert.deepEqual(released, [[["a"], true]]);
    // There are others on that lane, and they have not noticed.
    await team.publish(["b"], 5);
    await until("b goes on", () => outcomes.length === 7);
    gate.resolve();
    await until("the late one is over", () => outcomes.length === 8);
    await until("it counts as given up", () => abandoned.length === 1);
    assert.equal(outcomes.at(-1), "already");
    assert.equal((await team.world.feed.streamInfo(OUTPUT)).messages, 7);
    assert.equal((await team.world.feed.streamInfo(FEED)).messages, 0);
    assert.equal(slow.consumer.health().held, 1);
  },
);

natsTest(
  "deliveries lost on a cut connection: order is kept by starting the lane anew, long before the ack wait ends",
  async (rig) => {
    await using team = await Team.start(rig);
    const { proxy, ...connection } = await throughProxy(rig);
    try {
      const ends: string[] = [];
      await team.add({ connection, events: { laneEnded: (_lane, reason) => ends.push(reason) } });
      const partitions = names(10);
      team.assign(Object.fromEntries(partitions.map((name) => [name, 0])));
      await team.settled();
      for (let cut = 1; cut <= 3; cut++) {
        proxy.hold();
        await team.publish(partitions, 20);
        const sent = async () => {
          const delivered = (await team.lanes()).map(({ delivered }) => delivered);
          return Math.max(0, ...delivered) > 0;
        };
        await until("some are on their way", sent);
        proxy.cut();
        await team.drained();
        assert.ok(ends.length >= cut, "nobody noticed");
      }
      team.record.assertExact();
      assert.ok(ends.every((reason) => reason === "gap"));
    } finally {
      await connection.nc.close();
      await proxy.close();
    }
  },
);

natsTest(
  "the server is killed and comes back: everything goes on, every effect once and in order",
  async (rig) => {
    await using team = await Team.start(rig, "file");
    const partitions = names(10);
    for (let i = 0; i < 2; i++) {
      const member: Awaited<ReturnType<Team["add"]>> = await team.add({
        handle: async (message, context) => {
          const output = team.output(member.world);
          await output.write(context, message.streamSequence, message.data);
        },
      });
    }
    team.assign(Object.fromEntries(partitions.map((name, index) => [name, index % 2])));
    await team.publish(partitions, 200);
    await until("it has begun", () => team.record.handled.length > 200);
    await rig.server.kill();
    // A move that nobody can make now.
    team.assign({ p0: 1, p1: 0 });
    await rig.server.restart();
    await team.settled();
    await until(
      "the stream is empty",
      async () => {
        try {
          return (await team.world.feed.streamInfo(FEED)).messages === 0;
        } catch {
          return false;
        }
      },
      20_000,
    );
    await until(
      "all is healthy",
      () => team.members.every(({ consumer }) => consumer.health().healthy),
    );
    for (const partition of partitions) {
      const last = await team.world.feed.lastMessage(OUTPUT, `output.${partition}`);
      const sent = team.record.sentPayloads.get(partition)!;
      assert.equal(new TextDecoder().decode(last!.data), sent.at(-1));
    }
    // Guarded writes are in order by themselves; that none is missing or double is their number.
    assert.equal((await team.world.feed.streamInfo(OUTPUT)).messages, 2_000);
  },
  { startTimeoutMs: 20_000 },
);

Deno.test("the record sees what it is there to see", async (t) => {
  const made = (...payloads: string[]) => {
    const record = new Journal();
    for (const payload of ["1", "2", "3"]) record.sent("a", payload);
    for (const [sequence, payload] of payloads.entries()) {
      const handling = { partition: "a", sequence, payload, worker: "w", attempt: 1 };
      record.start(handling);
      record.end(handling, true);
    }
    return record;
  };
  made("1", "2", "3").assertExact();
  for (
    const [defect, payloads] of Object.entries({
      lost: ["1", "3"],
      repeated: ["1", "2", "2", "3"],
      reordered: ["1", "3", "2"],
      unexpected: ["1", "2", "3", "4"],
    })
  ) await t.step(defect, () => assert.throws(() => made(...payloads).assertExact()));
  await t.step("overlap", () => {
    const record = made("1", "2", "3");
    const handling = { partition: "b", sequence: 9, payload: "", worker: "w", attempt: 1 };
    record.start(handling);
    record.start({ ...handling, worker: "v" });
    assert.throws(() => record.assertExact(), /two handlers/);
  });
});
