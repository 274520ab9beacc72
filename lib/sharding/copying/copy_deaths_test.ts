/**
 * Copiers and servers that die while a stream is copied and its shards are drained. What must never happen is shown to be noticed by planted
 * faults: publications without their condition, acks before the record, no record at all.
 */
import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import { type TestServer, testServers } from "../../ports/nats/rig_test.ts";
import type { FeedStore, PublishOptions } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import { changedBuckets, changedFeed } from "../../test_support/changed_world.ts";
import { until } from "../../test_support/rig.ts";
import { CopyScene } from "./copy_scene_test.ts";

const [SERVER] = testServers() as [TestServer];
const COUNT = 1_500;
/** Whoever is planted to fail is not waited for as long as one who does well. */
const PLANTED_MS = 3_000;

function dead(): PartiError {
  return new PartiError("PARTI_DISCONNECTED", "this process is dead");
}

/** A process that dies with the `count`th message it publishes. */
function diesPublishing(count: number) {
  return (world: World, nc: NatsConnection): World => {
    let published = 0;
    const publish: FeedStore["publish"] = async (...args) => {
      if (++published === count) await nc.close();
      if (published >= count) throw dead();
      return await world.feed.publish(...args);
    };
    return changedFeed(world, { publish });
  };
}

/** A process that dies when it has written its `count`th record after its claim, or when it is about to. */
function diesRecording(count: number, isWritten: boolean) {
  return (world: World, nc: NatsConnection): World =>
    changedBuckets(world, (bucket) => {
      let written = 0;
      return {
        update: async (...args) => {
          if (++written < count) return await bucket.update(...args);
          if (isWritten && written === count) await bucket.update(...args);
          // What it had sent before has come: acks that wait in the client would die with it.
          await nc.flush();
          await nc.close();
          throw dead();
        },
      };
    });
}

/** Lets a copier die, and another one finish. */
async function inheritance(
  retention: "limits" | "interest",
  change: (world: World, nc: NatsConnection) => World,
  timeoutMs?: number,
): Promise<string[]> {
  await using scene = await CopyScene.open(SERVER, retention);
  const drain = await scene.drain();
  // So that an interest stream keeps what comes.
  const before = await scene.copy();
  await before.copier.close();
  await scene.publish(COUNT);
  const first = await scene.copy({ change });
  await until("the first one is dead", () => scene.errors.length > 0);
  await first.kill();
  await scene.copy({ takeOverAfterMs: 200 });
  return await scene.flaws(drain, timeoutMs);
}

for (const retention of ["limits", "interest"] as const) {
  for (const count of [1, 2, 3, 777, 999, 1_000, 1_001, 1_400]) {
    Deno.test(`${retention}: a copier dies with its publication ${count}, and another one goes on`, async () => {
      assert.deepEqual(await inheritance(retention, diesPublishing(count)), []);
    });
  }
  for (const count of [1, 2]) {
    for (const isWritten of [true, false]) {
      const when = isWritten ? "between record and publication" : "before the record";
      Deno.test(`${retention}: a copier dies ${when} of batch ${count}, and another one goes on`, async () => {
        // The claim is a record, too.
        assert.deepEqual(await inheritance(retention, diesRecording(count + 1, isWritten)), []);
      });
    }
  }
}

Deno.test("planted: acks before the record lose what a copier had read when it died", async () => {
  const acksEarly = (world: World): World =>
    changedFeed(world, {
      pull: (stream, consumer, handler) =>
        world.feed.pull(stream, consumer, {
          onMessage: (message) => {
            message.ack();
            handler.onMessage(message);
          },
          onLost: (...args) => handler.onLost(...args),
          onPermission: (...args) => handler.onPermission(...args),
        }),
    });
  const change = (world: World, nc: NatsConnection) =>
    diesRecording(2, false)(acksEarly(world), nc);
  const flaws = await inheritance("interest", change, PLANTED_MS);
  assert.ok(flaws.some((flaw) => / lost/.test(flaw)), flaws.join("\n"));
});

Deno.test("planted: without the record nobody knows what a dead copier has published", async () => {
  const withoutRecord = (world: World): World =>
    changedBuckets(world, (bucket) => {
      let written = 0;
      // Its claim is real, or it would not copy at all.
      return {
        update: (key, value, revision) =>
          ++written === 1 ? bucket.update(key, value, revision) : Promise.resolve(revision + 1),
      };
    });
  const change = (world: World, nc: NatsConnection) =>
    diesPublishing(1_200)(withoutRecord(world), nc);
  const flaws = await inheritance("limits", change, PLANTED_MS);
  assert.ok(flaws.length > 0);
});

/** A process whose publications arrive only when it has been replaced. */
async function lateComer(
  conditions: (options: PublishOptions) => PublishOptions,
  timeoutMs?: number,
): Promise<string[]> {
  await using scene = await CopyScene.open(SERVER, "limits");
  const drain = await scene.drain();
  await scene.publish(COUNT);
  const late: (() => Promise<unknown>)[] = [];
  const first = await scene.copy({
    change: (world) =>
      changedFeed(world, {
        publish: (subject, data, options = {}) => {
          late.push(() => world.feed.publish(subject, data, conditions(options)));
          return Promise.reject(new PartiError("PARTI_TIMEOUT", "it is under way"));
        },
      }),
  });
  // A batch is what had come from the source by then, be it a single message; it is sent without a pause.
  await until("publications are under way", () => late.length > 0);
  const second = await scene.copy({ takeOverAfterMs: 0 });
  await until("all are copied", () => second.copier.copied + first.copier.copied >= COUNT - 1_000);
  await until("all have come", () => drain.hasAll(scene.published));
  await Promise.allSettled(late.splice(0).map((publish) => publish()));
  // The one that woke up too late has to notice it, too.
  await until("the first one waits", () => first.copier.state === "waiting");
  return await scene.flaws(drain, timeoutMs);
}

Deno.test("publications that arrive when another one has long gone on change nothing", async () => {
  assert.deepEqual(await lateComer((options) => options), []);
});

Deno.test("planted: without their condition they are stored a second time", async () => {
  const flaws = await lateComer(({ expectedLastSequence: _, ...rest }) => rest, PLANTED_MS);
  assert.ok(flaws.some((flaw) => /is at .* and at|behind|came of/.test(flaw)), flaws.join("\n"));
});

Deno.test("a copier that looks at the shards when another one has long gone on takes nobody for a stranger", async () => {
  await using scene = await CopyScene.open(SERVER, "limits");
  const drain = await scene.drain();
  const looks = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await scene.publish(COUNT);
  const first = await scene.copy({
    change: (world) => {
      let hasTried = false;
      return changedFeed(world, {
        publish: () => {
          hasTried = true;
          return Promise.reject(new PartiError("PARTI_TIMEOUT", "it is lost"));
        },
        streamInfo: async (stream) => {
          if (hasTried && stream.startsWith("ORDERS-")) {
            looks.resolve();
            await gate.promise;
          }
          return await world.feed.streamInfo(stream);
        },
      });
    },
  });
  await looks.promise;
  await scene.copy({ takeOverAfterMs: 0 });
  await until("all have come", () => drain.hasAll(scene.published));
  gate.resolve();
  await until("the first one has noticed", () => first.copier.state !== "copying");
  assert.equal(first.copier.state, "waiting");
  assert.deepEqual(await scene.flaws(drain), []);
});

Deno.test("two copiers that both want to copy at once do no harm", async () => {
  await using scene = await CopyScene.open(SERVER, "interest");
  const drain = await scene.drain();
  const both = [await scene.copy({ takeOverAfterMs: 0 }), await scene.copy({ takeOverAfterMs: 0 })];
  await scene.publish(5_000);
  assert.deepEqual(await scene.flaws(drain), []);
  for (const { copier } of both) await copier.close();
  assert.equal((await scene.world.feed.listConsumers("EVENTS")).length, 1);
});

Deno.test("a copy that stands still is taken over, one that rests is not", async () => {
  await using scene = await CopyScene.open(SERVER, "limits");
  const drain = await scene.drain();
  let isStuck = false;
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const first = await scene.copy({
    change: (world) =>
      changedBuckets(world, (bucket) => ({
        update: (...args) => isStuck ? over.promise : bucket.update(...args),
      })),
  });
  const second = await scene.copy({ takeOverAfterMs: 300 });
  await scene.publish(500);
  await until("all is copied", () => first.copier.copied === 500);
  const { feed } = scene.world;
  const term = async () => (await feed.listConsumers("EVENTS"))[0]!.metadata["parti_copy_term"];
  assert.equal(await term(), "1");
  isStuck = true;
  await scene.publish(500);
  await until("the second one goes on", () => second.copier.state === "copying");
  assert.deepEqual(await scene.flaws(drain), []);
  assert.equal(await term(), "2");
  over.reject(dead());
});
