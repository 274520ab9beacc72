/**
 * Networks that part a group: half of it, its leader in the middle of a rebalance, and everybody, of whom the leader is back first.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LEADER_KEY, leaseBucket } from "../names.ts";
import { Cluster, type Member } from "../test_support/cluster.ts";
import { type Cuttable, cuttable } from "../test_support/cuttable.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";

/** So many connections that can be cut, closed with the stack. */
async function cuttables(
  rig: Rig,
  count: number,
  stack: AsyncDisposableStack,
): Promise<Cuttable[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => stack.use(await cuttable(rig))),
  );
}

/** The last word on what is whose: all partitions are listed, and none with these. */
function isWithOthers(cluster: Cluster, instances: readonly string[], count: number): boolean {
  const { workers } = cluster.publications.latest!;
  if (instances.some((instance) => (workers.get(instance) ?? []).length > 0)) return false;
  return [...workers.values()].flat().length === count;
}

natsTest(
  "row 43: three of six are cut off, the leader too: the others hold all 50; they come back, and all is even",
  async (rig) => {
    await using stack = new AsyncDisposableStack();
    const lines = await cuttables(rig, 3, stack);
    await using cluster = await Cluster.open(rig, { partitionCount: 50, workMs: 1 });
    const away: Member[] = [];
    for (const { world } of lines) away.push(...await cluster.add(1, { world }));
    const here = await cluster.add(3);
    await cluster.untilStable();
    assert.ok(away.includes(cluster.leader));
    const instances = away.map(({ manager }) => manager.instance!);
    await cluster.whilePublishing(async () => {
      // What they are doing at this moment may overlap with their heirs; its effects are fenced.
      for (const instance of instances) cluster.oracle.cut(instance);
      for (const line of lines) line.cut();
      await until("the others hold all", () => isWithOthers(cluster, instances, 50));
      await until(
        "those away have fenced themselves",
        () => away.every(({ manager }) => manager.instance === undefined),
      );
      await until(
        "the others are stable",
        () => here.every(({ manager }) => manager.state === "Stable"),
      );
      assert.equal(here.filter(({ manager }) => manager.isLeader).length, 1);
      assert.equal(away.filter(({ manager }) => manager.isLeader).length, 0);
      for (const line of lines) line.mend();
      await cluster.untilStable(20_000);
    }, 20);
    const counts = cluster.running.map(({ manager }) => manager.assignment!.partitions.length);
    assert.deepEqual(counts.sort(), [8, 8, 8, 8, 9, 9]);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest(
  "row 38: the leader's connection goes in the middle of a scale-up: another finishes it, and the old one comes back as a worker",
  async (rig) => {
    await using line = await cuttable(rig);
    await using cluster = await Cluster.open(rig, { partitionCount: 50, workMs: 1 });
    const [first] = await cluster.add(1, { world: line.world });
    await cluster.add(2);
    await cluster.untilStable();
    assert.equal(cluster.leader, first);
    const { epoch } = cluster.publications.latest!;
    const instance = first!.manager.instance!;
    await cluster.whilePublishing(async () => {
      const scaling = first!.manager.waitState("Scaling", 10_000);
      const newcomers = cluster.add(2);
      await scaling;
      cluster.oracle.cut(instance);
      line.cut();
      await newcomers;
      await until("the others hold all", () => isWithOthers(cluster, [instance], 50));
      assert.ok(cluster.publications.latest!.epoch > epoch);
      line.mend();
      await cluster.untilStable(20_000);
    }, 20);
    assert.notEqual(cluster.leader, first);
    const counts = cluster.running.map(({ manager }) => manager.assignment!.partitions.length);
    assert.deepEqual(counts, [10, 10, 10, 10, 10]);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest(
  "row 18: everybody is cut off and the leader is back first: it takes nobody for dead who is still on the way",
  async (rig) => {
    await using stack = new AsyncDisposableStack();
    const lines = await cuttables(rig, 4, stack);
    await using cluster = await Cluster.open(rig, {
      partitionCount: 12,
      config: { heartbeatTtl: "15s", workerIdTtl: "20s", electionTimeout: "15s" },
    });
    const members: Member[] = [];
    for (const { world } of lines) members.push(...await cluster.add(1, { world }));
    await cluster.untilStable();
    const [leader] = members;
    assert.equal(cluster.leader, leader);
    const instances = members.map(({ manager }) => manager.instance);
    const { length } = cluster.publications.all;
    const owners = cluster.owners();
    for (const line of lines.toReversed()) line.cut();
    await until("all are away", () => members.every(({ world }) => !world.messaging.connected));
    lines[0]!.mend();
    const bucket = await cluster.world.kv.open(leaseBucket(cluster.group), {
      ttlMs: 20_000,
      replicas: 1,
      storage: "file",
    });
    const seen = new Set<number>();
    // Renewals are four times as far apart as rounds of probes: it has asked for the others again and again, and nobody was there.
    await until("the leader is back and at work", async () => {
      const entry = await bucket.get(LEADER_KEY);
      if (leader!.world.messaging.connected) seen.add(entry!.revision);
      return seen.size >= 5;
    });
    assert.ok(members.slice(1).every(({ world }) => !world.messaging.connected), "still away");
    for (const line of lines) line.mend();
    await until("all are back", () => members.every(({ world }) => world.messaging.connected));
    await cluster.publish(3);
    await cluster.untilDrained();
    await cluster.untilStable();
    assert.equal(cluster.publications.all.length, length, "nothing was published for it");
    assert.deepEqual(members.map(({ manager }) => manager.instance), instances);
    assert.deepEqual(cluster.owners(), owners);
    await cluster.assertEffects();
  },
);
