import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { Manager } from "../manager/manager.ts";
import type { StreamInfo } from "../ports/feed.ts";
import { natsTest, until } from "../test_support/rig.ts";
import { watchWorld } from "../test_support/watched_world.ts";
import { checkFeed, FeedCheck } from "./feed_check.ts";
import { FEED, testConfig } from "./team_test.ts";
import { WorkerConsumer } from "./worker_consumer.ts";

const CONFIG = { stream: "ORDERS", subjectTemplate: "orders.{{.PartitionID}}" };
const missing = () => new PartiError("PARTI_NOT_FOUND", "stream not found");

/** A feed with one stream of which only this matters; instead of an answer it may fail. */
function rig(
  retention: StreamInfo["retention"],
  { subjects = ["orders.>"], mayHoldOthers = false, maxAckPending }: Partial<StreamInfo> = {},
) {
  const feed = {
    asked: 0,
    failures: [] as unknown[],
    streamInfo: (stream: string): Promise<StreamInfo> => {
      assert.equal(stream, "ORDERS");
      feed.asked++;
      const failure = feed.failures.shift();
      if (failure !== undefined) return Promise.reject(failure);
      const rest = { retention, messages: 0, firstSequence: 1, lastSequence: 0, maxAckPending };
      return Promise.resolve({ subjects, mayHoldOthers, metadata: {}, ...rest });
    },
  };
  return feed;
}

Deno.test("feed check: a WorkQueue stream is a lock", async () => {
  await checkFeed(rig("workqueue"), CONFIG);
});

Deno.test("feed check: any other retention is refused, with how to make a stream that can be shared", async () => {
  for (const retention of ["limits", "interest"] as const) {
    await assert.rejects(checkFeed(rig(retention), CONFIG), (error) => {
      assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
      assert.match(
        error.message,
        new RegExp(`ORDERS has ${retention} retention and not workqueue`),
      );
      assert.match(error.hint!, /nats stream add ORDERS-FEED --retention work/);
      assert.equal(error.value, retention);
      return true;
    });
  }
});

Deno.test("feed check: a template that no subject of the stream can have is refused, with what to change", async () => {
  const subjects = ["orders.eu.*", "orders.us.>"];
  const check = (subjectTemplate: string, mayHoldOthers = false) =>
    checkFeed(rig("workqueue", { subjects, mayHoldOthers }), { stream: "ORDERS", subjectTemplate });
  await assert.rejects(check("typo.p-{{.PartitionID}}"), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.equal(error.value, "typo.p-{{.PartitionID}}");
    assert.match(error.message, /ORDERS \(orders\.eu\.\*, orders\.us\.>\)/);
    assert.match(error.hint!, /--subjects "orders\.eu\.\*,orders\.us\.>,typo\.>"/);
    return true;
  });
  await check("orders.{{.PartitionID}}");
  await check("orders.us.x.{{.PartitionID}}");
  await check("typo.{{.PartitionID}}", true);
});

Deno.test("feed check: a stream whose limit for consumers is too low for a lane is refused; any other is what lanes keep to", async () => {
  const check = (maxAckPending: number | undefined) =>
    checkFeed(rig("workqueue", { maxAckPending }), CONFIG);
  await assert.rejects(check(255), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.equal(error.value, 255);
    assert.match(error.message, /255 unacknowledged messages: a lane needs 256/);
    assert.match(error.hint!, /consumer_limits/);
    return true;
  });
  assert.deepEqual(await check(256), { maxAckPending: 256 });
  assert.deepEqual(await check(undefined), { maxAckPending: undefined });
});

Deno.test("feed check: a missing stream is said by name, with how to make it; what else fails is passed on", async () => {
  const feed = rig("workqueue");
  feed.failures = [missing()];
  await assert.rejects(checkFeed(feed, CONFIG), (error) => {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
    assert.match(error.message, /stream ORDERS does not exist/);
    assert.match(error.hint!, /nats stream add ORDERS --retention work --subjects "orders\.>"/);
    return true;
  });
  const timeout = new PartiError("PARTI_TIMEOUT", "no answer");
  feed.failures = [timeout];
  await assert.rejects(checkFeed(feed, CONFIG), (error) => error === timeout);
});

Deno.test("feed check: made once for all who ask, and again only after it failed", async () => {
  const feed = rig("workqueue");
  feed.failures = [missing()];
  const check = new FeedCheck(feed, CONFIG);
  const both = await Promise.allSettled([check.pass("ORDERS"), check.pass("ORDERS")]);
  assert.deepEqual(both.map(({ status }) => status), ["rejected", "rejected"]);
  assert.equal(feed.asked, 1);
  await check.pass("ORDERS");
  await check.pass("ORDERS");
  assert.equal(feed.asked, 2);
  await new FeedCheck(feed, CONFIG, { maxAckPending: 7 }).pass("ORDERS");
  assert.equal(feed.asked, 2);
});

Deno.test("feed check: a stream that was doubted is checked again, once, and no other with it", async () => {
  const asked: string[] = [];
  const retentions: Record<string, StreamInfo["retention"]> = {};
  const { streamInfo } = rig("workqueue");
  const feed = {
    streamInfo: async (stream: string): Promise<StreamInfo> => {
      asked.push(stream);
      if (stream === "F-3") throw missing();
      const subjects = [`f.${stream.slice(2)}.>`];
      const retention = retentions[stream] ?? "workqueue";
      return { ...await streamInfo("ORDERS"), subjects, retention };
    },
  };
  const config = { stream: "F", subjectTemplate: "f.{{.Shard}}.{{.PartitionID}}", shards: 3 };
  const check = new FeedCheck(feed, config);
  await check.pass("F-1");
  asked.length = 0;
  check.doubt("F-1");
  await check.pass("F-2");
  await Promise.all([check.pass("F-1"), check.pass("F-1")]);
  await check.pass("F-1");
  assert.deepEqual(asked, ["F-1"]);
  retentions["F-1"] = "limits";
  check.doubt("F-1");
  for (let i = 0; i < 2; i++) {
    await assert.rejects(check.pass("F-1"), { code: "PARTI_INVALID_CONFIG" });
  }
  delete retentions["F-1"];
  await check.pass("F-1");
  assert.deepEqual(asked, Array(4).fill("F-1"));
});

const STREAM = { subjects: ["feed.>"], storage: "memory", replicas: 1 } as const;

natsTest(
  "feed check: a manager does not start on a stream that is missing, cannot be shared or has other subjects, and says so at once",
  async (rig) => {
    for (const retention of [undefined, "limits", "workqueue"] as const) {
      const { world } = await rig.connect();
      await world.feed.destroyStream(FEED);
      if (retention !== undefined) await world.feed.ensureStream(FEED, { ...STREAM, retention });
      const manager = new Manager({
        world,
        config: {
          group: "g",
          startupTimeout: "20s",
          consumer: {
            stream: FEED,
            subjectTemplate: `${retention === "workqueue" ? "typo" : "feed"}.{{.PartitionID}}`,
          },
        },
        source: staticSource([{ keys: ["a"] }]),
        handler: () => {},
      });
      const startedAtMs = performance.now();
      await assert.rejects(manager.start(), (error) => {
        assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"), `${error}`);
        const reasons = { limits: /has limits/, workqueue: /nothing would ever be consumed/ };
        assert.match(error.message, retention ? reasons[retention] : /does not exist/);
        return true;
      });
      assert.ok(
        performance.now() - startedAtMs < 5_000,
        "it does not wait for its time to be over",
      );
      assert.equal(manager.state, "Shutdown");
    }
  },
);

natsTest(
  "feed check: a server that is out of reach for a moment does not keep a manager from starting",
  async (rig) => {
    const { world } = await rig.connect();
    await world.feed.ensureStream(FEED, { ...STREAM, retention: "workqueue" });
    const watched = watchWorld(world);
    let outages = 2;
    watched.onOperation = (_number, name) => {
      if (name === "feed.streamInfo" && outages-- > 0) {
        throw new PartiError("PARTI_TIMEOUT", "planted: no answer");
      }
    };
    const errors: unknown[] = [];
    await using manager = new Manager({
      world: watched.world,
      config: {
        group: "g",
        preset: "fast",
        consumer: { stream: FEED, subjectTemplate: "feed.{{.PartitionID}}" },
      },
      source: staticSource([{ keys: ["a"] }]),
      handler: () => {},
      hooks: { onError: (error) => void errors.push(error) },
    });
    await manager.start();
    assert.equal(errors.filter((error) => /planted/.test(String(error))).length, 2);
    const asked = watched.operations.filter((name) => name === "feed.streamInfo");
    assert.equal(asked.length, 3, "and its consumer does not ask again");
  },
);

natsTest(
  "feed check: a consumer alone says it too, makes no lane, and goes on once the stream is there",
  async (rig) => {
    const { world } = await rig.connect();
    await world.feed.ensureStream(FEED, { ...STREAM, retention: "limits" });
    const errors: unknown[] = [];
    await using consumer = new WorkerConsumer({
      world,
      config: testConfig(),
      owner: { group: "test", worker: "w", instance: "i" },
      handler: () => {},
      drainTimeoutMs: 1_000,
      operationTimeoutMs: 2_000,
      events: { error: (error) => errors.push(error) },
    });
    consumer.update({ epoch: 1, generation: 1, partitions: [{ keys: ["a"] }] });
    await until("it is said, and tried again", () => errors.length >= 3);
    for (const error of errors) assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"), `${error}`);
    assert.deepEqual(await world.feed.listConsumers(FEED), []);
    assert.equal(consumer.health().healthy, false);
    await world.feed.destroyStream(FEED);
    await world.feed.ensureStream(FEED, { ...STREAM, retention: "workqueue" });
    await consumer.settled();
    assert.equal(consumer.health().healthy, true);
  },
);

natsTest(
  "feed check: lanes keep to the stream's limit for unacknowledged messages, and have less room then",
  async (rig) => {
    const { world } = await rig.connect();
    await world.feed.ensureStream(FEED, {
      ...STREAM,
      retention: "workqueue",
      maxAckPending: 256,
    });
    await using consumer = new WorkerConsumer({
      world,
      config: testConfig({ prefetch: 256 }),
      owner: { group: "test", worker: "w", instance: "i" },
      handler: () => {},
      drainTimeoutMs: 1_000,
      operationTimeoutMs: 2_000,
    });
    consumer.pause();
    consumer.update({ epoch: 1, generation: 1, partitions: [{ keys: ["a"] }] });
    await until("the lane", () => consumer.health().healthy);
    for (let i = 0; i < 300; i++) await world.feed.publish("feed.a", new Uint8Array());
    await until("a full lane", () => consumer.health().buffered === 16);
    const [lane] = await world.feed.listConsumers(FEED);
    assert.equal(lane!.ackPending, 16, "a sixteenth of what is allowed");
    consumer.resume();
    await until("nothing is left", async () => (await world.feed.streamInfo(FEED)).messages === 0);
  },
);
