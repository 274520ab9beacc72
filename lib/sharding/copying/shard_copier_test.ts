/** Streams copied into shards on a real server: what comes, what is refused, and what is left behind. */
import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/nats-core";
import { assignmentBucket, copyBucket } from "../../names.ts";
import { type TestServer, testServers } from "../../ports/nats/rig_test.ts";
import { until } from "../../test_support/rig.ts";
import { PartiError } from "../../errors.ts";
import { changedBuckets, changedFeed } from "../../test_support/changed_world.ts";
import { makeShards } from "../make_shards.ts";
import { shardSubject } from "../shards.ts";
import { type CopyingOptions, CopyScene, LAYOUT, makeStream, SOURCE } from "./copy_scene_test.ts";
import { copyToShards, forgetCopy } from "./copy_to_shards.ts";

const FILE = { storage: "file", replicas: 1 } as const;
const SECOND = { stream: "AUDIT", subjectTemplate: "audit.{{.Shard}}.{{.PartitionID}}", shards: 3 };

function test(name: string, run: (server: TestServer) => Promise<void>): void {
  for (const server of testServers()) {
    Deno.test(`${server.label}: ${name}`, () => run(server));
  }
}

for (const retention of ["limits", "interest"] as const) {
  test(
    `two feeds of one stream of ${retention} retention have each message once and in order`,
    async (server) => {
      await using scene = await CopyScene.open(server, retention, [LAYOUT, SECOND]);
      const one = await scene.copy();
      const two = await scene.copy({ into: SECOND });
      const drains = [await scene.drain(), await scene.drain(SECOND)] as const;
      await scene.publish(5_000);
      for (const drain of drains) assert.deepEqual(await scene.flaws(drain), []);
      assert.deepEqual([one.copier.copied, two.copier.copied], [5_000, 5_000]);
      assert.deepEqual([one.copier.upTo, one.copier.lag, one.copier.state], [5_000, 0, "copying"]);
      const left = async () => (await scene.world.feed.streamInfo(SOURCE.stream)).messages;
      const wanted = retention === "limits" ? 5_000 : 0;
      await until("the source holds what it should", async () => await left() === wanted);
      assert.deepEqual(scene.told, []);
    },
  );
}

test("a copier that is closed keeps its place, and what comes meanwhile is copied later", async (server) => {
  await using scene = await CopyScene.open(server, "interest");
  const drain = await scene.drain();
  const first = await scene.copy();
  await scene.publish(1_000);
  await first.copier.close();
  assert.equal(first.copier.state, "closed");
  await first.copier.ended();
  await scene.publish(1_500);
  const { feed } = scene.world;
  assert.equal((await feed.listConsumers(SOURCE.stream)).length, 1, "it holds what comes");
  const second = await scene.copy();
  assert.deepEqual(await scene.flaws(drain), []);
  assert.equal(first.copier.copied + second.copier.copied, 2_500);
  assert.equal((await feed.listConsumers(SOURCE.stream)).length, 1, "the first one's is gone");
  assert.deepEqual(scene.told, []);
});

test("a copier ends with its connection, which it tells, and with its signal, also before it has begun", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  const nc = Promise.withResolvers<NatsConnection>();
  const change: CopyingOptions["change"] = (world, own) => {
    nc.resolve(own);
    return world;
  };
  const cut = await scene.copy({ change });
  await scene.publish(100);
  await until("all are copied", () => cut.copier.copied === 100);
  await (await nc.promise).close();
  await until("it has ended", () => cut.copier.state === "failed");
  await cut.copier.ended();
  assert.throws(() => {
    throw cut.copier.failure;
  }, { code: "PARTI_DISCONNECTED" });
  assert.equal(cut.copier.state, "failed");
  scene.errors.length = 0;
  const end = new AbortController();
  const { copier } = await scene.copy({ signal: end.signal, takeOverAfterMs: 0 });
  await scene.publish(100);
  await until("it goes on", () => copier.copied === 100);
  end.abort();
  await copier.ended();
  assert.deepEqual([copier.state, copier.failure], ["closed", undefined]);
  await assert.rejects(scene.copy({ signal: end.signal }), { code: "PARTI_ABORTED" });
  assert.deepEqual(scene.told, []);
});

test("a copier begins with what is new if it is told to", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  await scene.publish(100);
  scene.published.clear();
  const { copier } = await scene.copy({ begin: "new" });
  assert.equal(copier.upTo, 100);
  await scene.publish(50);
  assert.deepEqual(await scene.flaws(await scene.drain()), []);
  assert.equal(copier.copied, 50);
});

test("what looks otherwise than the template is not copied, and does not stay", async (server) => {
  await using scene = await CopyScene.open(server, "interest");
  const { world } = scene;
  const from = { stream: SOURCE.stream, subjectTemplate: "events.{{.PartitionID}}.made" };
  await using copier = await copyToShards({ world, from, into: LAYOUT });
  const bytes = new TextEncoder().encode("x");
  const subjects = ["events.a.sent", "events.a.made", "events.made", "events.b.c.made", "events.d"];
  for (const subject of subjects) {
    await world.feed.publish(subject, bytes, { messageId: subject });
  }
  await until("all is recorded", () => copier.upTo === subjects.length);
  await until("both are copied", () => copier.copied === 2);
  const stored = await world.feed.lastMessage("ORDERS-1", shardSubject(LAYOUT, "b.c")) ??
    await world.feed.lastMessage("ORDERS-0", shardSubject(LAYOUT, "b.c")) ??
    await world.feed.lastMessage("ORDERS-2", shardSubject(LAYOUT, "b.c")) ??
    await world.feed.lastMessage("ORDERS-3", shardSubject(LAYOUT, "b.c"));
  assert.equal(stored?.header("Parti-Source-Sequence"), "4");
  assert.equal(stored.header("Parti-Source-Message-Id"), "events.b.c.made");
  assert.equal(stored.header("Nats-Msg-Id"), undefined);
  const left = async () => (await world.feed.streamInfo(SOURCE.stream)).messages;
  await until("nothing is left of it", async () => await left() === 0);
});

test("messages of any size are copied, as large as the server takes them", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  const { feed } = scene.world;
  const sizes = [1_040_000, 0, 700_000, 600_000, 1, 1_047_000, 300_000, 300_000, 5];
  for (const [i, size] of sizes.entries()) {
    await feed.publish(`events.k${i % 2}`, new Uint8Array(size).fill(i));
  }
  const first = await scene.copy();
  await until("all are copied", () => first.copier.copied === sizes.length, 20_000);
  // A record of that size can be read, too.
  await feed.publish("events.k1", new Uint8Array(1_047_000));
  await until("the last one, too", () => first.copier.copied === sizes.length + 1);
  await first.kill();
  const { copier } = await scene.copy({ takeOverAfterMs: 0 });
  await until("another one has taken over", () => copier.state === "copying");
  await feed.publish("events.k1", new Uint8Array(1));
  await until("it goes on", () => copier.copied === 1);
  assert.equal(scene.told.some((told) => /PARTI_TOO_LARGE/.test(told)), false);
});

test("what no copy can be made of is refused before anything is made", async (server) => {
  await using scene = await CopyScene.open(server, "workqueue");
  const { world } = scene;
  const { nc } = await scene.rig.connect();
  await makeStream(nc, "IN", ["in.>"], "limits");
  const from = { stream: "IN", subjectTemplate: "in.{{.PartitionID}}" };
  const refusals: [Partial<Parameters<typeof copyToShards>[0]>, unknown][] = [
    [{ from: SOURCE }, "workqueue"],
    [{ from: { ...from, stream: "NOT" } }, "NOT"],
    [{ from: { ...from, subjectTemplate: "in.>" } }, "in.>"],
    [{ from: { ...from, subjectTemplate: "out.{{.PartitionID}}" } }, "out.{{.PartitionID}}"],
    [{ into: { ...LAYOUT, stream: "NOT" } }, "NOT-0"],
    [{ into: { ...LAYOUT, shards: 5 } }, "ORDERS-4"],
    [{ into: { ...LAYOUT, shards: 3 } }, 3],
    [{ into: { ...LAYOUT, stream: "a b" } }, "a b"],
    [{ takeOverAfterMs: -1 }, -1],
    [{ takeOverAfterMs: NaN }, NaN],
    [{ into: { ...LAYOUT, subjectTemplate: "o.{{.Shard}}.{{.PartitionID}}" } }, [
      "orders.0.>",
    ]],
    [
      { into: { ...LAYOUT, subjectTemplate: "orders.{{.PartitionID}}" } },
      "orders.{{.PartitionID}}",
    ],
  ];
  for (const [changes, value] of refusals) {
    await assert.rejects(
      copyToShards({ world, from, into: LAYOUT, ...changes }),
      { code: "PARTI_INVALID_CONFIG", value },
      JSON.stringify(changes),
    );
  }
  assert.deepEqual(await world.feed.listConsumers("IN"), []);
  await world.feed.publish(shardSubject(LAYOUT, "a"), new Uint8Array(1));
  await assert.rejects(copyToShards({ world, from, into: LAYOUT }), { code: "PARTI_CONFLICT" });
  assert.deepEqual(await world.feed.listConsumers("IN"), []);
});

test("two copies cannot go into the same shards", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  await scene.copy();
  const { world } = scene;
  const { nc } = await scene.rig.connect();
  await makeStream(nc, "IN", ["in.>"], "limits");
  const from = { stream: "IN", subjectTemplate: "in.{{.PartitionID}}" };
  await assert.rejects(copyToShards({ world, from, into: LAYOUT }), {
    code: "PARTI_INVALID_CONFIG",
    message: /a copy of EVENTS/,
  });
});

test("a copier stops where somebody else publishes to its shards", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  const { copier } = await scene.copy();
  await scene.publish(1_000);
  await until("all are copied", () => copier.copied === 1_000);
  for (const key of ["a", "b", "c", "d", "e", "f", "g"]) {
    await scene.world.feed.publish(shardSubject(LAYOUT, key), new Uint8Array(1));
  }
  await scene.publish(100);
  await copier.ended();
  assert.equal(copier.state, "failed");
  const error = { code: "PARTI_CONFLICT", message: /somebody else publishes/ };
  assert.throws(() => {
    throw copier.failure;
  }, error);
  await copier.close();
  assert.equal(copier.state, "failed");
  // Whoever comes later cannot see it any more: what came behind the refused message was stored, and the numbers are right.
  await assert.rejects(scene.copy({ takeOverAfterMs: 0 }), error);
});

test("a record that is gone after an outage is believed, and not at the first look", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  await scene.copy();
  let fates: ("silent" | "gone")[] = [];
  let looksAtNothing = 0;
  const waiting = await scene.copy({
    takeOverAfterMs: 600,
    change: (world) =>
      changedBuckets(world, (bucket) => ({
        get: (key) => {
          const fate = fates.length > 1 ? fates.shift() : fates[0];
          if (fate === "silent") return Promise.reject(new PartiError("PARTI_TIMEOUT", "away"));
          if (fate !== "gone") return bucket.get(key);
          looksAtNothing++;
          return Promise.resolve(undefined);
        },
      })),
  });
  assert.equal(waiting.copier.state, "waiting");
  fates = ["silent", "silent", "silent", "gone"];
  await waiting.copier.ended();
  assert.equal(waiting.copier.state, "failed");
  assert.equal(looksAtNothing, 3);
});

test("what somebody else has published while nobody copied is noticed", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  const first = await scene.copy();
  await first.copier.close();
  await scene.world.feed.publish(shardSubject(LAYOUT, "a"), new Uint8Array(1));
  const { copier } = await scene.copy();
  await copier.ended();
  assert.throws(() => {
    throw copier.failure;
  }, { code: "PARTI_CONFLICT", message: /somebody else publishes/ });
});

test("a source that was made anew is noticed, and nothing is guessed", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  const first = await scene.copy();
  await scene.publish(500);
  await until("all are copied", () => first.copier.copied === 500);
  await first.copier.close();
  const { nc } = await scene.rig.connect();
  await scene.world.feed.destroyStream(SOURCE.stream);
  await makeStream(nc, SOURCE.stream, ["events.>"], "limits");
  const { copier } = await scene.copy();
  await copier.ended();
  assert.throws(() => {
    throw copier.failure;
  }, { code: "PARTI_CONFLICT", message: /made anew/ });
});

test("a shard that begins anew is told; the copy goes on if nothing was on its way there", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  const { feed } = scene.world;
  const beginAnew = async () => {
    await feed.destroyStream("ORDERS-1");
    await makeShards(feed, LAYOUT, FILE);
  };
  const first = await scene.copy();
  await scene.publish(500);
  await until("all are copied", () => first.copier.copied === 500);
  await first.copier.close();
  await beginAnew();
  const second = await scene.copy();
  await until("it is told", () => scene.told.some((told) => /ORDERS-1 begins anew/.test(told)));
  await scene.publish(500);
  await until("it goes on", () => second.copier.copied === 500);
  assert.equal(second.copier.state, "copying");
  await second.copier.close();
  // One dies with a batch of which it has published nothing, as far as the next one can know.
  const dying = await scene.copy({
    change: (world) =>
      changedFeed(world, { publish: () => Promise.reject(new PartiError("PARTI_TIMEOUT", "no")) }),
  });
  await scene.publish(100);
  await until("it cannot publish", () => scene.told.some((told) => /PARTI_TIMEOUT/.test(told)));
  await dying.kill();
  await beginAnew();
  const { copier } = await scene.copy({ takeOverAfterMs: 0 });
  await copier.ended();
  assert.throws(() => {
    throw copier.failure;
  }, { code: "PARTI_CONFLICT", message: /has lost its last writes/ });
});

test("a copier whose record is gone stops; a copy that is forgotten leaves nothing behind", async (server) => {
  await using scene = await CopyScene.open(server, "interest");
  const { world } = scene;
  const { copier } = await scene.copy();
  await scene.publish(100);
  await until("all are copied", () => copier.copied === 100);
  await forgetCopy({ world, from: SOURCE, into: LAYOUT });
  await copier.ended();
  assert.throws(() => {
    throw copier.failure;
  }, { code: "PARTI_INVALID_CONFIG" });
  assert.deepEqual(await world.feed.listConsumers(SOURCE.stream), []);
  await assert.rejects(world.feed.streamInfo(`KV_${copyBucket(LAYOUT.stream)}`), {
    code: "PARTI_NOT_FOUND",
  });
  await forgetCopy({ world, from: SOURCE, into: LAYOUT });
  await assert.rejects(scene.copy(), { code: "PARTI_CONFLICT" });
  const next = await scene.copy({ begin: "new" });
  await next.copier.close();
  await scene.world.feed.destroyStream(SOURCE.stream);
  await forgetCopy({ world, from: SOURCE, into: LAYOUT });
  assert.notEqual(copyBucket("x"), assignmentBucket("x"));
});

test("a copier whose consumer is removed makes another one", async (server) => {
  await using scene = await CopyScene.open(server, "limits");
  const drain = await scene.drain();
  await scene.copy();
  const { feed } = scene.world;
  for (let round = 0; round < 3; round++) {
    await scene.publish(300);
    const [consumer] = await feed.listConsumers(SOURCE.stream);
    await feed.deleteConsumer(SOURCE.stream, consumer!.name);
    await until(
      "there is another one",
      async () =>
        (await feed.listConsumers(SOURCE.stream)).some(({ name }) => name !== consumer!.name),
    );
  }
  assert.deepEqual(await scene.flaws(drain), []);
});
