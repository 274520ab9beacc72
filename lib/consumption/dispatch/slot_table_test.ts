import { SlotTable } from "./slot_table.ts";
import assert from "node:assert/strict";
import { shardOf, shardPartitions } from "../../sharding/shards.ts";
import { calls, locks, team } from "../lanes/keeper_rig_test.ts";

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

Deno.test("an assignment with what is no shard of the feed changes nothing", () => {
  const subjectTemplate = "S.{{.Shard}}.{{.PartitionID}}";
  const table = new SlotTable({ stream: "S", subjectTemplate, shards: 4 });
  const named = (...ids: string[]) => ids.map((id) => ({ keys: [id] }));
  table.apply({ epoch: 1, generation: 1, partitions: named("shard-0", "shard-1") }, 0);
  const wrong = { epoch: 1, generation: 2, partitions: named("shard-2", "tenant-7") };
  assert.throws(() => table.apply(wrong, 0), { code: "PARTI_INVALID_PARTITION" });
  const wanted = [...table.all.values()].map(({ id, stream, wanted }) => [id, stream, wanted]);
  assert.deepEqual(wanted, [["shard-0", "S-0", true], ["shard-1", "S-1", true]]);
});

Deno.test("a key belongs into one shard: what lies in another is not fit to be handled", () => {
  const subjectTemplate = "feed.{{.Shard}}.{{.PartitionID}}";
  const table = new SlotTable({ stream: "S", subjectTemplate, shards: 16 });
  const partitions = shardPartitions(16);
  table.apply({ epoch: 1, generation: 1, partitions }, 0);
  const unfit = (shard: number, key: string) =>
    table.all.get(`shard-${shard}`)!.part(`feed.${shard}.${key}`)!.unfit?.code;
  assert.equal(unfit(13, "tenant-7"), undefined);
  assert.equal(unfit(12, "tenant-7"), "PARTI_INVALID_PARTITION");
  assert.equal(unfit(shardOf("*", 16), "*"), "PARTI_INVALID_PARTITION", "it is no key at all");
});
