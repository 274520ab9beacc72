/** What the Go library's own tests of its consumer check, and what they should have checked, on a real server. */
import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { isPartiError } from "../errors.ts";
import { natsWorld } from "../ports/nats/world.ts";
import { changedFeed } from "../test_support/changed_world.ts";
import { natsTest, until } from "../test_support/rig.ts";
import type { PartitionMessage } from "./dispatch/handler.ts";
import { FEED, names, OUTPUT, Team } from "./team_test.ts";

const give = (index: number, ...ids: string[]) => Object.fromEntries(ids.map((id) => [id, index]));

async function filters(team: Team): Promise<string[]> {
  return (await team.lanes()).flatMap(({ filterSubjects }) => filterSubjects).sort();
}

natsTest("row 81: a consumer is made as configured, and takes assignments", async (rig) => {
  await using team = await Team.start(rig);
  await team.add({ config: { ackWaitMs: 12_000, inactiveThresholdMs: 90_000, prefetch: 1_000 } });
  team.assign(give(0, "p0"));
  await team.settled();
  const jsm = await jetstreamManager(team.members[0]!.nc);
  const [lane] = await team.lanes();
  const { config } = await jsm.consumers.info(FEED, lane!.name);
  assert.equal(config.ack_policy, "explicit");
  assert.equal(config.deliver_policy, "all");
  assert.equal(config.ack_wait, 12_000 * 1e6);
  assert.equal(config.inactive_threshold, 90_000 * 1e6);
  assert.equal(config.max_deliver, -1);
  assert.ok(config.max_ack_pending! >= 1_000 * 8);
  assert.equal(lane!.metadata["parti_instance"], team.members[0]!.instance);
  assert.equal(lane!.metadata["parti_generation"], "1");
});

natsTest(
  "row 82: two partitions, one is taken away: its messages are not delivered any more",
  async (rig) => {
    await using team = await Team.start(rig);
    await team.add();
    team.assign(give(0, "a", "b"));
    await team.publish(["a", "b"], 3);
    await team.drained();
    team.assign(give(9, "b"));
    await team.settled();
    assert.deepEqual(await filters(team), ["feed.a"]);
    await team.publish(["b", "a"], 2);
    await until("a is handled", () => team.record.payloads().get("a")!.length === 5);
    assert.equal(team.record.payloads().get("b")!.length, 3);
    assert.equal((await team.world.feed.streamInfo(FEED)).messages, 2, "b's wait for an owner");
  },
);

natsTest(
  "row 83: a handler that fails once gets its message once more, before the next one",
  async (rig) => {
    await using team = await Team.start(rig);
    await team.add({
      handle: (message, { attempt }) => {
        if (message.streamSequence === 1 && attempt === 1) throw new Error("once");
      },
    });
    team.assign(give(0, "a"));
    await team.publish(["a"], 3);
    await team.drained();
    const started = team.record.started.map(({ sequence, attempt }) => [sequence, attempt]);
    assert.deepEqual(started, [[1, 1], [1, 2], [2, 1], [3, 1]]);
  },
);

natsTest(
  "row 84: a lane's name tells group, worker and instance, and is one token",
  async (rig) => {
    await using team = await Team.start(rig);
    const member = await team.add();
    team.assign(give(0, "a"));
    await team.settled();
    const [lane] = await team.lanes();
    assert.match(lane!.name, /^parti-test-w-0-[A-Za-z0-9_-]+-g1-1$/);
    assert.ok(lane!.name.includes(member.instance.slice(0, 13)));
  },
);

natsTest("rows 85, W-4: nothing to hold is no consumer, and nothing is delivered", async (rig) => {
  await using team = await Team.start(rig);
  await team.add();
  await team.add();
  team.assign({});
  await team.settled();
  await team.publish(["a", "b"], 2);
  assert.deepEqual(await team.lanes(), []);
  team.assign(give(1, "a", "b"));
  await team.drained();
  team.assign(give(9, "a", "b"));
  await team.settled();
  assert.deepEqual(await team.lanes(), [], "given up again, no lane is left either");
  await team.publish(["a", "b"], 2);
  team.assign(give(1, "a"));
  await until("a is handled", () => team.record.payloads().get("a")!.length === 4);
  assert.ok(team.record.handled.every(({ worker }) => worker === "w-1"));
  assert.equal(team.record.payloads().get("b")!.length, 2);
});

natsTest("rows 86, 87: from 30 to 40 partitions: what is read is what is assigned", async (rig) => {
  await using team = await Team.start(rig);
  await team.add();
  team.assign(give(0, ...names(30)));
  await team.settled();
  assert.deepEqual(await filters(team), names(30).map((name) => `feed.${name}`).sort());
  team.assign(give(0, ...names(40)));
  await team.settled();
  assert.deepEqual(await filters(team), names(40).map((name) => `feed.${name}`).sort());
  await team.publish(names(40), 5);
  await team.drained();
  team.record.assertExact();
});

natsTest(
  "rows 88, W-35: close finishes what runs, starts nothing more, and leaves nothing",
  async (rig) => {
    await using team = await Team.start(rig);
    const gate = Promise.withResolvers<void>();
    const { consumer } = await team.add({ handle: () => gate.promise });
    team.assign(give(0, ...names(5)));
    await team.publish(names(5), 20);
    await until("all handlers run", () => consumer.health().running === 5);
    const closed = consumer.close();
    gate.resolve();
    await closed;
    team.forget(team.members[0]!);
    assert.equal(team.record.handled.length, 5);
    assert.deepEqual(await team.lanes(), []);
    assert.equal((await team.world.feed.streamInfo(FEED)).messages, 95);
    // What waited is deliverable at once, not after the ack wait.
    await team.add();
    team.assign(give(1, ...names(5)));
    await team.drained();
    team.record.assertExact();
  },
);

natsTest("row 89: bad names, duplicates and nothing at all", async (rig) => {
  await using team = await Team.start(rig);
  const { consumer } = await team.add();
  const update = (...keys: string[][]) =>
    consumer.update({ epoch: 1, generation: 1, partitions: keys.map((keys) => ({ keys })) });
  for (const keys of [[], [""], ["a.b"], ["*"], [">"], ["a b"], ["a", ""]]) {
    assert.throws(
      () => update(["fine"], keys),
      (error) => isPartiError(error, "PARTI_INVALID_PARTITION"),
    );
  }
  await consumer.settled();
  assert.deepEqual(await team.lanes(), [], "an assignment with a bad name is not applied in part");
  update(["a", "b"], ["a", "b"], ["c"]);
  await consumer.settled();
  assert.deepEqual(await filters(team), ["feed.a.b", "feed.c"]);
  consumer.fence("over");
  assert.throws(() => update(["a"]), { code: "PARTI_STOPPED" });
});

natsTest("row 90: another order is no change; more partitions are delivered", async (rig) => {
  await using team = await Team.start(rig);
  const { consumer } = await team.add();
  const tell = (generation: number, ...ids: string[]) => {
    consumer.update({
      epoch: 1,
      generation,
      partitions: ids.map((id) => ({ keys: [id] })),
    });
    return consumer.settled();
  };
  await tell(1, "a", "b", "c");
  const before = (await team.lanes()).map(({ name }) => name);
  await tell(2, "c", "a", "b");
  assert.deepEqual((await team.lanes()).map(({ name }) => name), before);
  await tell(3, "d", "c", "b", "a");
  await team.publish(["a", "b", "c", "d"], 3);
  await team.drained();
  team.record.assertExact();
});

natsTest(
  "rows 91, W-6, W-7: of many updates at once the highest version wins, whatever the order",
  async (rig) => {
    await using team = await Team.start(rig);
    const { consumer } = await team.add();
    const versions = Array.from({ length: 30 }, (_, index) => index + 1);
    const shuffled = versions.map((version) => ({ version, at: (version * 17) % 31 }))
      .sort((a, b) => a.at - b.at);
    await Promise.all(shuffled.map(async ({ version, at }) => {
      await new Promise((resolve) => setTimeout(resolve, at));
      consumer.update({
        epoch: 1,
        generation: version,
        partitions: names(40).filter((_, index) => (index + version) % 3 > 0).map((id) => ({
          keys: [id],
        })),
      });
    }));
    await consumer.settled();
    const wanted = names(40).filter((_, index) => (index + 30) % 3 > 0).map((id) => `feed.${id}`);
    assert.deepEqual(await filters(team), wanted.sort());
  },
);

natsTest(
  "row 92: another instance of the same worker gets its own lane; the old one's goes, and only that",
  async (rig) => {
    await using team = await Team.start(rig);
    const old = await team.add();
    await team.add();
    team.assign({ a: 0, b: 0, c: 1 });
    await team.settled();
    const others = (await team.lanes()).find(({ filterSubjects }) =>
      filterSubjects[0] === "feed.c"
    );
    // The process dies and comes back: nobody knows its old instance.
    await old.nc.close();
    old.consumer.fence("gone");
    team.forget(old);
    await team.add();
    team.assign({ a: 2, b: 2 });
    await team.settled();
    const lanes = await team.lanes();
    assert.equal(lanes.length, 2);
    assert.ok(lanes.some(({ name }) => name === others!.name));
    assert.ok(!lanes.some(({ metadata }) => metadata["parti_instance"] === old.instance));
    await team.publish(["a", "b", "c"], 2);
    await team.drained();
    team.record.assertExact();
  },
);

natsTest(
  "rows 93, 95, W-5: a lane deleted from outside is made again at once, and nothing handled comes again",
  async (rig) => {
    await using team = await Team.start(rig);
    const ended: string[] = [];
    const { consumer } = await team.add({
      events: { laneEnded: (_lane, reason) => ended.push(reason) },
    });
    team.assign(give(0, ...names(10)));
    await team.publish(names(10), 50);
    await team.drained();
    const [lane] = await team.lanes();
    const at = performance.now();
    await team.world.feed.deleteConsumer(FEED, lane!.name);
    await until("the lane has ended", () => ended.length === 1);
    await team.settled();
    await team.publish(names(10), 10);
    await team.drained();
    assert.ok(performance.now() - at < 10_000);
    team.record.assertExact();
    assert.equal(team.record.handled.length, 600);
    assert.equal(consumer.health().healthy, true);
  },
);

natsTest("row 94: manual acks: the next message waits, and nothing stays pending", async (rig) => {
  await using team = await Team.start(rig);
  const waiting: { message: PartitionMessage; ack: () => void }[] = [];
  await team.add({
    config: { manualAck: true, prefetch: 4 },
    handle: (message, context) => {
      waiting.push({ message, ack: () => context.ack() });
    },
  });
  team.assign(give(0, "a", "b"));
  await team.publish(["a", "b"], 5);
  await until("one of each is handled", () => waiting.length === 2);
  const [lane] = await team.lanes();
  for (let acked = 0; acked < 10; acked++) {
    const next = waiting[acked]!;
    assert.ok(waiting.length <= acked + 2, "a partition's next message waits for the ack");
    next.ack();
    await until("the next one comes", () => waiting.length === Math.min(10, acked + 3));
  }
  await team.drained();
  const info = await team.world.feed.consumerInfo(FEED, lane!.name);
  assert.equal(info!.ackPending, 0);
  team.record.assertExact();
});

natsTest(
  "rows 96, W-33, W-34: whatever ends a lane again and again, it starts again, and health tells",
  async (rig) => {
    await using team = await Team.start(rig);
    const connection = await rig.connect();
    // Planted: the first pulls end with an error before anything is delivered.
    let failures = 3;
    const { feed } = connection.world;
    const pull: typeof feed.pull = (stream, name, handler) => {
      if (failures-- > 0) queueMicrotask(() => handler.onLost("failed", "planted"));
      return feed.pull(stream, name, handler);
    };
    const planted = new Proxy(feed, {
      get: (target, name: keyof typeof feed) => name === "pull" ? pull : target[name].bind(target),
    });
    const world = { ...connection.world, feed: planted };
    const unhealthy: boolean[] = [];
    const errors: string[] = [];
    const { consumer } = await team.add({
      connection: { world, nc: connection.nc },
      events: {
        laneEnded: () => queueMicrotask(() => unhealthy.push(!consumer.health().healthy)),
        error: (error) => void errors.push((error as Error).message),
      },
    });
    team.assign(give(0, "a"));
    await team.publish(["a"], 5);
    await team.drained();
    team.record.assertExact();
    assert.deepEqual(unhealthy, [true, true, true]);
    assert.equal(errors.length, 3);
    for (const error of errors) assert.match(error, /cannot be read: planted/);
    assert.equal(consumer.health().healthy, true);
  },
);

natsTest(
  "row 97: partitions a, b become a, c: b's messages stay, c's backlog is delivered",
  async (rig) => {
    await using team = await Team.start(rig);
    await team.add();
    await team.publish(["c"], 10);
    team.assign(give(0, "a", "b"));
    await team.publish(["a", "b"], 5);
    await until("a and b are handled", () => team.record.handled.length === 10);
    team.assign({ b: 9, c: 0 });
    await team.settled();
    assert.deepEqual(await filters(team), ["feed.a", "feed.c"]);
    await team.publish(["a", "b"], 5);
    await until("a and c are handled", () => team.record.handled.length === 25);
    const handled = team.record.payloads();
    assert.deepEqual(["a", "b", "c"].map((id) => handled.get(id)?.length), [10, 5, 10]);
    await until(
      "those of b are left, and no other",
      async () => (await team.world.feed.streamInfo(FEED)).messages === 5,
    );
  },
);

natsTest("poison: a dead letter with its reason; the next message goes on", async (rig) => {
  await using team = await Team.start(rig);
  await team.add({
    config: { maxDeliver: 3 },
    handle: (message) => {
      if (message.streamSequence === 2) throw new Error("cannot be read");
    },
  });
  team.assign(give(0, "a"));
  await team.publish(["a"], 4);
  await until("the rest is handled", () => team.record.handled.length === 3);
  const letter = await team.world.feed.lastMessage(OUTPUT, "dead.a");
  assert.match(letter!.header("Parti-Reason")!, /cannot be read/);
  assert.equal(letter!.header("Parti-Stream-Sequence"), "2");
  assert.deepEqual(letter!.data, new TextEncoder().encode("1"));
  assert.equal(team.record.started.filter(({ sequence }) => sequence === 2).length, 3);
  await until(
    "the stream is empty",
    async () => (await team.world.feed.streamInfo(FEED)).messages === 0,
  );
});

natsTest(
  "poison with `stop`: the partition stops in its place, others go on; resumed, it goes on where it stopped",
  async (rig) => {
    await using team = await Team.start(rig);
    let broken = true;
    const { consumer } = await team.add({
      config: { maxDeliver: 2, onPoison: "stop" },
      handle: (message, { partitionId }) => {
        if (broken && partitionId === "a" && message.streamSequence === 3) throw new Error("no");
      },
    });
    team.assign(give(0, "a", "b"));
    await team.publish(["a", "b"], 20);
    await until("b is through", () => team.record.payloads().get("b")?.length === 20);
    await until("a has stopped", () => consumer.health().stopped.length === 1);
    await team.settled();
    assert.deepEqual(consumer.health().stopped, ["a"]);
    assert.equal(consumer.health().healthy, false);
    assert.equal(team.record.payloads().get("a")!.length, 1);
    await team.publish(["b"], 5);
    await until("b goes on", () => team.record.payloads().get("b")?.length === 25);
    assert.equal(consumer.resumePartition("b"), false);
    broken = false;
    assert.equal(consumer.resumePartition("a"), true);
    await team.drained();
    team.record.assertExact();
    assert.equal(consumer.health().healthy, true);
  },
);

natsTest(
  "a message that kills its process is begun anew by one worker after the other, until it is removed as the README says",
  async (rig) => {
    await using team = await Team.start(rig);
    const { nc } = await rig.connect();
    await team.publish(["p1", "p0"], 2);
    const ask = async (what: "GET" | "DELETE", question: Record<string, unknown>) =>
      (await nc.request(`$JS.API.STREAM.MSG.${what}.${FEED}`, JSON.stringify(question))).json();
    for (let life = 0; life < 3; life++) {
      const member = await team.add({ handle: () => new Promise(() => {}) });
      team.assign({ p0: life });
      await until("it begins", () => team.record.started.length > life);
      if (life === 1) {
        const oldest = await ask("GET", { seq: 1, next_by_subj: "feed.p0" });
        const { seq } = (oldest as { message: { seq: number } }).message;
        assert.equal(seq, 2);
        await ask("DELETE", { seq });
      }
      await member.nc.close();
      member.consumer.fence("its process is gone");
      team.forget(member);
    }
    const begun = team.record.started.map(({ sequence, attempt }) => [sequence, attempt]);
    assert.deepEqual(begun, [[2, 1], [2, 1], [4, 1]]);
  },
);

natsTest("a stopped partition can move, and goes on at its new owner", async (rig) => {
  await using team = await Team.start(rig);
  const { consumer } = await team.add({
    config: { maxDeliver: 1, onPoison: "stop" },
    handle: () => Promise.reject(new Error("only here")),
  });
  await team.add();
  team.assign(give(0, "a"));
  await team.publish(["a"], 5);
  await until("a has stopped", () => consumer.health().stopped.length === 1);
  team.assign(give(1, "a"));
  await team.drained();
  team.record.assertExact();
});

natsTest(
  "pause and resume: partitions stay owned, nothing is started, no ack wait ends",
  async (rig) => {
    await using team = await Team.start(rig);
    const redelivered: string[] = [];
    const { consumer } = await team.add({
      config: { ackWaitMs: 300 },
      events: { redelivered: (id) => redelivered.push(id) },
    });
    team.assign(give(0, ...names(4)));
    await team.settled();
    consumer.pause();
    await team.publish(names(4), 10);
    await until("they wait here", () => consumer.health().buffered === 40);
    const [lane] = await team.lanes();
    const started = performance.now();
    await until("three ack waits are over", () => performance.now() - started > 1_000);
    assert.equal(team.record.started.length, 0);
    assert.equal((await team.world.feed.consumerInfo(FEED, lane!.name))!.delivered, 40);
    consumer.resume();
    await team.drained();
    team.record.assertExact();
    assert.deepEqual(redelivered, []);
  },
);

natsTest(
  "large messages: no more of them wait here than 16 MB, whatever is configured as the least",
  async (rig) => {
    await using team = await Team.start(rig);
    const { consumer, world } = await team.add({ config: { prefetch: 256 } });
    team.assign(give(0, "a"));
    await team.settled();
    consumer.pause();
    for (let i = 0; i < 26; i++) await world.feed.publish("feed.a", new Uint8Array(900_000));
    const lane = (await team.lanes())[0]!;
    const info = () => world.feed.consumerInfo(FEED, lane.name);
    // With the last one 17.1 MB.
    await until("they wait here", () => consumer.health().buffered === 19);
    await until("the stream has the rest", async () => (await info())!.pending === 7);
    assert.equal((await info())!.delivered, 19);
    consumer.resume();
    const left = async () => (await world.feed.streamInfo(FEED)).messages;
    await until("all are handled", async () => await left() === 0);
  },
);

natsTest(
  "a delivery that is lost on the way is noticed at a heartbeat, and comes again long before its ack wait ends",
  async (rig) => {
    await using team = await Team.start(rig);
    const { nc } = await rig.connect();
    const real = natsWorld(nc, { feed: { pull: { heartbeatMs: 200 } } });
    let isLost = false;
    const world = changedFeed(real, {
      pull: (stream, lane, handler) =>
        real.feed.pull(stream, lane, {
          onMessage: (message) => isLost ? handler.onMessage(message) : void (isLost = true),
          onLost: (reason, detail) => handler.onLost(reason, detail),
          onPermission: (refusal) => handler.onPermission(refusal),
          onDelivered: (sequence) => handler.onDelivered?.(sequence),
        }),
    });
    const ended: string[] = [];
    await team.add({
      connection: { world, nc },
      events: { laneEnded: (_lane, reason) => void ended.push(reason) },
    });
    team.assign(give(0, "a"));
    await team.settled();
    await team.publish(["a"], 1);
    await team.drained(5_000);
    team.record.assertExact();
    assert.deepEqual(ended, ["gap"]);
  },
);

natsTest(
  "a handler slower than the ack wait: its message is not handled twice, nor those behind it",
  async (rig) => {
    await using team = await Team.start(rig);
    await team.add({
      config: { ackWaitMs: 200 },
      handle: (message) => {
        const ms = message.streamSequence === 1 ? 900 : 1;
        return new Promise((resolve) => setTimeout(resolve, ms));
      },
    });
    team.assign(give(0, "a", "b"));
    await team.publish(["a", "b"], 20);
    await team.drained();
    team.record.assertExact();
    assert.equal(team.record.started.length, 40);
  },
);

natsTest(
  "effects are the server's word: a handler that died after its effect repeats the work, not the effect",
  async (rig) => {
    await using team = await Team.start(rig);
    const first = await team.add({
      handle: async (message, context) => {
        const output = team.output(first.world);
        await output.write(context, message.streamSequence, message.data);
        if (message.streamSequence === 3) {
          // The process dies between the effect and the ack.
          first.consumer.fence("killed");
          await first.nc.close();
        }
      },
    });
    team.assign(give(0, "a"));
    await team.publish(["a"], 6);
    await until("the first one is dead", () => first.nc.isClosed());
    const outcomes: string[] = [];
    const second = await team.add({
      handle: async (message, context) => {
        const output = team.output(second.world);
        outcomes.push(await output.write(context, message.streamSequence, message.data));
      },
    });
    team.forget(first);
    team.assign(give(1, "a"));
    await until(
      "the stream is empty",
      async () => (await team.world.feed.streamInfo(FEED)).messages === 0,
    );
    assert.deepEqual(outcomes, ["already", "written", "written", "written"]);
    assert.equal((await team.world.feed.streamInfo(OUTPUT)).messages, 6);
  },
);
