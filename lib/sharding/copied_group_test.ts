/** A group whose feed is made of a stream there is: its leader copies, and another one goes on when it dies. */
import assert from "node:assert/strict";
import { isPartiError } from "../errors.ts";
import { Journal } from "../consumption/team_test.ts";
import { Manager } from "../manager/manager.ts";
import { noMetrics } from "../metrics/collector.ts";
import { makeStream } from "./copying/copy_scene_test.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import { makeShards } from "./make_shards.ts";
import { feedStreams, shardSubject } from "./shards.ts";

const LAYOUT = {
  stream: "ORDERS",
  subjectTemplate: "ORDERS.{{.Shard}}.{{.PartitionID}}",
  shards: 4,
};
const KEYS = Array.from({ length: 20 }, (_, i) => `tenant-${i}`);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A worker of a group, and how it dies. */
async function workerOf(rig: Rig, record: Journal, errors: unknown[]) {
  const { world, nc } = await rig.connect();
  const copying = { is: false, lag: 0 };
  const manager = new Manager({
    world,
    metrics: { ...noMetrics, copy: (is, lag) => void Object.assign(copying, { is, lag }) },
    config: {
      ...{ group: "copied", preset: "fast" },
      consumer: { stream: "ORDERS", shards: LAYOUT.shards, from: { stream: "events" } },
    },
    hooks: { onError: (error) => void errors.push(error) },
    handler: async (message, { partitionId, worker, attempt }) => {
      const handling = {
        ...{ partition: partitionId, worker, attempt },
        sequence: message.streamSequence,
        payload: decoder.decode(message.data),
      };
      record.start(handling);
      await Promise.resolve();
      record.end(handling, true);
    },
  });
  await manager.start();
  return { manager, copying, die: () => nc.close() };
}

natsTest("a group copies a stream into its shards, also when its leader dies", async (rig) => {
  const { world, nc } = await rig.connect();
  await makeStream(nc, "events", ["events.>"], "interest");
  await makeShards(world.feed, LAYOUT, { storage: "file", replicas: 1 });
  const record = new Journal();
  const errors: unknown[] = [];
  let number = 0;
  const publish = async (count: number) => {
    const acks = Array.from({ length: count }, () => {
      const key = KEYS[number % KEYS.length]!;
      const payload = `${number++}`;
      record.sent(key, payload);
      return world.feed.publish(`events.${key}`, encoder.encode(payload));
    });
    await Promise.all(acks);
  };
  const workers = [await workerOf(rig, record, errors), await workerOf(rig, record, errors)];
  const consumers = async () => (await world.feed.listConsumers("events")).length;
  await until("somebody copies", async () => await consumers() === 1);
  await publish(2_000);
  await until("everything is handled", () => record.complete, 20_000);
  await until("the shards are empty", async () => {
    const streams = feedStreams(LAYOUT.stream, LAYOUT.shards);
    const infos = await Promise.all(streams.map((stream) => world.feed.streamInfo(stream)));
    return infos.every(({ messages }) => messages === 0);
  });
  const leader = workers.find(({ manager }) => manager.isLeader)!;
  const other = workers.find((worker) => worker !== leader)!;
  assert.deepEqual(
    [leader.manager.copyHealth, other.manager.copyHealth],
    [{ state: "copying", lag: 0, upTo: 2_000, failure: undefined }, undefined],
  );
  await until("the metrics tell it", () => leader.copying.is && !other.copying.is);
  await leader.die();
  await publish(2_000);
  await until("the rest is handled by the other one", () => record.complete, 30_000);
  assert.equal(other.manager.isLeader, true);
  record.assertExact();
  await until("the metrics of the next one tell it", () => other.copying.is);
  await other.manager.stop();
  assert.deepEqual([other.copying, other.manager.copyHealth], [{ is: false, lag: 0 }, undefined]);
  await leader.manager.stop();
  assert.equal(await consumers(), 1, "it keeps what comes until the group is back");
  await publish(100);
  const next = await workerOf(rig, record, errors);
  await until("it has gone on", () => record.complete, 20_000);
  record.assertExact();
  await next.manager.stop();
});

natsTest(
  "a group does not start on a source that cannot be one, and a leader that cannot copy says why",
  async (rig) => {
    const { world, nc } = await rig.connect();
    await makeShards(world.feed, LAYOUT, { storage: "file", replicas: 1 });
    const record = new Journal();
    const errors: unknown[] = [];
    const refused = { code: "PARTI_INVALID_CONFIG" };
    await assert.rejects(workerOf(rig, record, errors), { ...refused, value: "events" });
    await makeStream(nc, "events", ["events.>"], "workqueue");
    await assert.rejects(workerOf(rig, record, errors), { ...refused, value: "workqueue" });
    await world.feed.destroyStream("events");
    await makeStream(nc, "events", ["events.>"], "limits");
    record.sent("a", "x");
    await world.feed.publish(shardSubject(LAYOUT, "a"), encoder.encode("x"));
    errors.length = 0;
    const { manager } = await workerOf(rig, record, errors);
    await until("it says so", () => errors.some((error) => isPartiError(error, "PARTI_CONFLICT")));
    await until("what is there is handled", () => record.complete);
    await manager.stop();
  },
);
