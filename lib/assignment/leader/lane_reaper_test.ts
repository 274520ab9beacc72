import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { laneMetadata } from "../../names.ts";
import type { FeedStore } from "../../ports/feed.ts";
import { natsTest, type Rig } from "../../test_support/rig.ts";
import { LaneReaper } from "./lane_reaper.ts";

const STREAM = "work";

async function openFeed(rig: Rig): Promise<FeedStore> {
  const { world } = await rig.connect();
  await world.feed.ensureStream(STREAM, {
    subjects: ["work.>"],
    retention: "workqueue",
    storage: "memory",
    replicas: 1,
  });
  return world.feed;
}

async function addLane(
  feed: FeedStore,
  name: string,
  metadata: Record<string, string>,
): Promise<void> {
  await feed.createConsumer(STREAM, {
    name,
    filterSubjects: [`work.${name}`],
    ackWaitMs: 30_000,
    maxAckPending: 10,
    inactiveThresholdMs: 60_000,
    metadata,
  });
}

const lane = (group: string, instance: string) =>
  laneMetadata({ group, worker: "worker-0", instance }, 1, 1);

async function names(feed: FeedStore): Promise<string[]> {
  return (await feed.listConsumers(STREAM)).map((consumer) => consumer.name).sort();
}

natsTest("reaper: deletes the lanes of its own group's dead, and nothing else", async (rig) => {
  const feed = await openFeed(rig);
  await addLane(feed, "dead-1", lane("g", "dead"));
  await addLane(feed, "dead-2", lane("g", "dead"));
  await addLane(feed, "living", lane("g", "living"));
  await addLane(feed, "other-group", lane("h", "dead"));
  await addLane(feed, "stranger", { made: "by hand" });
  const errors: unknown[] = [];
  const reaper = new LaneReaper({
    feed,
    group: "g",
    streams: [STREAM],
    onError: (error) => errors.push(error),
  });
  const result = await reaper.reap((instance) => instance === "living");
  assert.deepEqual(result, { complete: true, deleted: 2 });
  assert.deepEqual(await names(feed), ["living", "other-group", "stranger"]);
  assert.deepEqual(await reaper.reap(() => true), { complete: true, deleted: 0 });
  assert.deepEqual(errors, []);
});

natsTest("reaper: whoever came while lanes were listed counts as alive", async (rig) => {
  const feed = await openFeed(rig);
  await addLane(feed, "newcomer", lane("g", "newcomer"));
  const living = new Set<string>();
  const slow = {
    listConsumers: async (stream: string) => {
      const listed = await feed.listConsumers(stream);
      living.add("newcomer");
      return listed;
    },
    deleteConsumer: (stream: string, name: string) => feed.deleteConsumer(stream, name),
  } as FeedStore;
  const reaper = new LaneReaper({
    feed: slow,
    group: "g",
    streams: [STREAM],
    onError: (error) => assert.fail(String(error)),
  });
  const result = await reaper.reap((instance) => living.has(instance));
  assert.deepEqual(result, { complete: true, deleted: 0 });
  assert.deepEqual(await names(feed), ["newcomer"]);
});

natsTest("reaper: one lane that cannot be deleted keeps no other, and it says so", async (rig) => {
  const feed = await openFeed(rig);
  for (const name of ["a", "b", "c"]) await addLane(feed, name, lane("g", name));
  let isFailing = true;
  const faulty = {
    listConsumers: (stream: string) => feed.listConsumers(stream),
    deleteConsumer: (stream: string, name: string) =>
      isFailing && name === "b"
        ? Promise.reject(new PartiError("PARTI_TIMEOUT", "no answer"))
        : feed.deleteConsumer(stream, name),
  } as FeedStore;
  const errors: unknown[] = [];
  const reaper = new LaneReaper({
    feed: faulty,
    group: "g",
    streams: [STREAM],
    onError: (error) => errors.push(error),
  });
  assert.deepEqual(await reaper.reap(() => false), { complete: false, deleted: 2 });
  assert.equal(errors.length, 1);
  assert.deepEqual(await names(feed), ["b"]);
  isFailing = false;
  assert.deepEqual(await reaper.reap(() => false), { complete: true, deleted: 1 });
});

Deno.test("reaper: without a stream there is nothing to do, and what cannot be listed is told", async () => {
  const errors: unknown[] = [];
  const feed = {
    listConsumers: () => Promise.reject(new PartiError("PARTI_TIMEOUT", "no answer")),
  } as unknown as FeedStore;
  const onError = (error: unknown) => errors.push(error);
  const none = new LaneReaper({ feed, group: "g", streams: [], onError });
  assert.equal((await none.reap(() => false)).complete, true);
  const some = new LaneReaper({ feed, group: "g", streams: [STREAM], onError });
  assert.equal((await some.reap(() => false)).complete, false);
  assert.equal(errors.length, 1);
});

Deno.test("reaper: it looks at every stream of a feed, and is complete only if all of them are", async () => {
  const metadata = laneMetadata({ group: "g", worker: "w", instance: "dead" }, 1, 1);
  const deleted: string[] = [];
  let isOut = true;
  const feed = {
    listConsumers: (stream: string) =>
      stream === "F-19" && isOut
        ? Promise.reject(new PartiError("PARTI_TIMEOUT", "no answer"))
        : Promise.resolve([{ name: `of ${stream}`, metadata }]),
    deleteConsumer: (stream: string, name: string) => {
      deleted.push(`${stream} ${name}`);
      return Promise.resolve(true);
    },
  } as unknown as FeedStore;
  const streams = Array.from({ length: 20 }, (_, i) => `F-${i}`);
  const reaper = new LaneReaper({ feed, group: "g", streams, onError: () => {} });
  assert.deepEqual(await reaper.reap(() => false), { complete: false, deleted: 19 });
  isOut = false;
  assert.deepEqual(await reaper.reap(() => false), { complete: true, deleted: 20 });
  assert.deepEqual(new Set(deleted), new Set(streams.map((name) => `${name} of ${name}`)));
});

Deno.test("reaper: of a stranger it is looked for a lease after the lanes were listed, once; of whom it is known that they are over it is not", async () => {
  const steps: string[] = [];
  const errors: unknown[] = [];
  const known = new Set<string>();
  let lookAgain = () => Promise.resolve(void known.add("newcomer"));
  const feed = {
    listConsumers: (stream: string) => {
      steps.push(`list ${stream}`);
      return Promise.resolve(
        ["over", "stranger", "newcomer"].map((name) => ({ name, metadata: lane("g", name) })),
      );
    },
    deleteConsumer: (stream: string, name: string) => {
      steps.push(`delete ${name} of ${stream}`);
      return Promise.resolve(true);
    },
  } as unknown as FeedStore;
  const reaper = new LaneReaper({
    ...{ feed, group: "g", streams: ["A", "B"] },
    lookAgain: () => {
      steps.push("look again");
      return lookAgain();
    },
    onError: (error) => errors.push(error),
  });
  const reap = () => reaper.reap((one) => known.has(one), (one) => one === "over");
  const listed = ["list A", "list B", "delete over of A", "delete over of B", "look again"];
  assert.deepEqual(await reap(), { complete: true, deleted: 4 });
  assert.deepEqual(steps, [...listed, "delete stranger of A", "delete stranger of B"]);
  // Where that cannot be seen they stay for the next time.
  known.clear();
  steps.length = 0;
  lookAgain = () => Promise.reject(new PartiError("PARTI_TIMEOUT", "no answer"));
  assert.deepEqual(await reap(), { complete: false, deleted: 2 });
  assert.deepEqual(steps, listed);
  assert.equal(errors.length, 1);
});
