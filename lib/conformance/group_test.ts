/**
 * A group that grows, shrinks and changes its partitions.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Partition, PartitionSource } from "../assignment/partition.ts";
import { Cluster, type Member, partitions } from "../test_support/cluster.ts";
import { natsTest, until } from "../test_support/rig.ts";

/** How many partitions each running worker has. */
function counts(cluster: Cluster): number[] {
  return cluster.running.map(({ manager }) => manager.assignment!.partitions.length);
}

for (const version of ["2.15", "2.10"]) {
  const binary = version === "2.10" ? Deno.env.get("PARTI_NATS_SERVER_2_10") : undefined;
  if (version === "2.10" && binary === undefined) continue;
  natsTest(
    `rows 1, 2: nats-server ${version}: five workers, 100 partitions: each owned once, evenly, and nothing moves by itself`,
    async (rig) => {
      await using cluster = await Cluster.open(rig, { partitionCount: 100 });
      await cluster.add(5);
      await cluster.untilStable();
      assert.deepEqual(counts(cluster), [20, 20, 20, 20, 20]);
      const { generation } = cluster.publications.latest!;
      const owners = cluster.owners();
      for (let round = 0; round < 20; round++) {
        await cluster.publish(2);
        await cluster.untilDrained();
      }
      assert.equal(cluster.publications.latest!.generation, generation);
      assert.deepEqual(cluster.owners(), owners);
      await cluster.assertEffects();
    },
    binary === undefined ? {} : { binary },
  );
}

natsTest(
  "rows 8, 9: refresh from any worker adds and removes partitions; it answers with the generation in force",
  async (rig) => {
    // A source that says nothing by itself: only a refresh makes the leader read it.
    let list: readonly Partition[] = partitions(50);
    const source: PartitionSource = { list: () => Promise.resolve(list) };
    await using cluster = await Cluster.open(rig, { partitionCount: 50, options: { source } });
    await cluster.add(3);
    await cluster.untilStable();
    const askers: Member[] = [cluster.leader, ...cluster.followers];
    for (const [round, asker] of askers.entries()) {
      list = partitions([70, 40, 55][round]!);
      cluster.setPartitions(list);
      const generation = await asker.manager.refreshPartitions();
      assert.equal(generation, round + 2);
      await cluster.untilStable();
      assert.equal(cluster.publications.latest!.reason, "refresh");
      assert.equal(cluster.owners().size, list.length);
      await cluster.publish(1);
      await cluster.untilDrained();
    }
    await cluster.assertEffects();
  },
);

natsTest("row 10: weights that change are balanced", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 60, idle: true });
  await cluster.add(3);
  await cluster.untilStable();
  const weighted = partitions(60, (n) => n % 2 === 0 ? 2 : 1);
  cluster.setPartitions(weighted);
  const weightOf = new Map(weighted.map(({ keys, weight }) => [keys[0]!, weight!]));
  const loads = () =>
    cluster.running.map(({ manager }) =>
      manager.assignment!.partitions.reduce((sum, { keys }) => sum + weightOf.get(keys[0]!)!, 0)
    );
  await until("the loads are even", () => Math.max(...loads()) <= 31);
  await cluster.untilStable();
  assert.equal(loads().reduce((a, b) => a + b), 90);
});

natsTest("row 11: two refreshes at once both succeed", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 40, idle: true });
  await cluster.add(2);
  await cluster.untilStable();
  const { generation } = cluster.publications.latest!;
  const [follower] = cluster.followers;
  const answers = await Promise.all([
    cluster.leader.manager.refreshPartitions(),
    follower!.manager.refreshPartitions(),
    follower!.manager.refreshPartitions(),
  ]);
  // Nothing had changed, so nothing was published.
  assert.deepEqual(answers, [generation, generation, generation]);
  assert.equal(cluster.owners().size, 40);
});

natsTest(
  "rows 5, 7, W-42: a source that answers with nothing, fails or hangs wipes nothing; a refresh says so",
  async (rig) => {
    let answer: () => Promise<readonly Partition[]> = () => Promise.resolve(partitions(12));
    const listeners = new Set<() => void>();
    const source: PartitionSource = {
      list: () => answer(),
      watch: (onChange) => {
        listeners.add(onChange);
        return { close: () => void listeners.delete(onChange) };
      },
    };
    await using cluster = await Cluster.open(rig, {
      partitionCount: 12,
      config: { operationTimeout: "500ms" },
      options: { source },
    });
    await cluster.add(2);
    await cluster.untilStable();
    const { generation } = cluster.publications.latest!;
    const bad: (() => Promise<readonly Partition[]>)[] = [
      () => Promise.resolve([]),
      () => Promise.reject(new Error("the database is down")),
      () => Promise.resolve([{ keys: ["not a token"] }]),
    ];
    for (const one of bad) {
      answer = one;
      for (const notify of listeners) notify();
      for (const { manager } of cluster.running) {
        await assert.rejects(manager.refreshPartitions(), { code: "PARTI_SOURCE_FAILED" });
      }
    }
    // Neither a new leader nor a newcomer, whose first reading this is, takes nothing for the truth.
    await cluster.stop(cluster.leader);
    await cluster.add();
    await cluster.untilStable();
    assert.equal(cluster.owners().size, 12);
    for (const seen of cluster.publications.all.slice(1)) {
      if (seen.generation < generation) continue;
      assert.equal([...seen.workers.values()].flat().length, 12, `generation ${seen.generation}`);
    }
    await cluster.publish(2);
    await cluster.untilDrained();
    answer = () => Promise.resolve(partitions(14));
    cluster.setPartitions(partitions(14));
    for (const notify of listeners) notify();
    await cluster.untilStable();
    await cluster.assertEffects();
  },
);

natsTest(
  "rows 13, 12: seven workers, 100 partitions: 14 or 15 each; an eighth takes its share from all and nothing else moves",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 100, idle: true });
    await cluster.add(7);
    await cluster.untilStable();
    for (const count of counts(cluster)) {
      assert.ok(count === 14 || count === 15, `${counts(cluster)}`);
    }
    const before = cluster.owners();
    await cluster.add();
    await cluster.untilStable();
    const moved = [...cluster.owners()].filter(([id, owner]) => before.get(id) !== owner);
    assert.ok(moved.length <= 13, `${moved.length} moved`);
  },
);

natsTest(
  "rows 74, 78, 79: each join is exactly one rebalance, soon, and moves only what must move",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 20 });
    await cluster.add(3);
    await cluster.untilStable();
    for (let workers = 4; workers <= 5; workers++) {
      const generations = cluster.publications.generations.length;
      const before = cluster.owners();
      const { leader } = cluster;
      leader.states.length = 0;
      leader.states.push("Stable");
      const startedAtMs = performance.now();
      await cluster.add();
      await cluster.untilStable();
      assert.ok(performance.now() - startedAtMs < 1_500, "served soon");
      assert.equal(cluster.publications.generations.length, generations + 1);
      assert.equal(cluster.publications.latest!.reason, "planned_scale");
      assert.deepEqual(leader.states, ["Stable", "Scaling", "Rebalancing", "Stable"]);
      const moved = [...cluster.owners()].filter(([id, owner]) => before.get(id) !== owner);
      assert.equal(moved.length, Math.floor(20 / workers));
      // Who keeps what it has does not even notice.
      await cluster.publish(2);
    }
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest("row 47: seven joins at once are one rebalance", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 50, idle: true });
  await cluster.add(3);
  await cluster.untilStable();
  const generations = cluster.publications.generations.length;
  await cluster.add(7);
  await cluster.untilStable();
  assert.equal(cluster.publications.generations.length, generations + 1);
});

natsTest(
  "rows 75, 21, 23: a follower dies: its partitions are with others within a second and a half; the rest stay",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 20 });
    await cluster.add(4);
    await cluster.untilStable();
    const before = cluster.owners();
    await cluster.whilePublishing(async () => {
      const [victim] = cluster.followers;
      const dead = victim!.manager.workerId!;
      const killedAtMs = performance.now();
      await cluster.kill(victim!);
      await until("all is owned", () => [...cluster.owners().values()].length === 20);
      assert.ok(performance.now() - killedAtMs < 1_500, `${performance.now() - killedAtMs} ms`);
      await cluster.untilStable();
      assert.equal(cluster.publications.latest!.reason, "emergency");
      for (const [id, owner] of cluster.owners()) {
        if (before.get(id) !== dead) assert.equal(owner, before.get(id), `${id} stays`);
      }
    });
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest("rows 22, 24, 45: three of five die at once, then the rest but one", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 20 });
  await cluster.add(5);
  await cluster.untilStable();
  await cluster.whilePublishing(async () => {
    await cluster.kill(cluster.leader, ...cluster.followers.slice(0, 2));
    await cluster.untilStable();
    await cluster.kill(cluster.leader);
    await cluster.untilStable();
    await cluster.add(4);
    await cluster.untilStable();
  }, 20);
  assert.deepEqual(counts(cluster), [4, 4, 4, 4, 4]);
  await cluster.untilDrained();
  await cluster.assertEffects();
});

natsTest(
  "more workers than partitions: who has none is Stable and receives nothing",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 2 });
    await cluster.add(4);
    await cluster.untilStable();
    assert.deepEqual(counts(cluster).sort(), [0, 0, 1, 1]);
    await cluster.publish(10);
    await cluster.untilDrained();
    await cluster.assertEffects();
    const lanes = await cluster.world.feed.listConsumers(cluster.feed);
    assert.equal(lanes.length, 2);
    for (const lane of lanes) assert.ok(lane.filterSubjects.length > 0, "no lane reads everything");
    for (const member of cluster.running) {
      if (member.manager.assignment!.partitions.length > 0) continue;
      assert.equal(member.changes.length, 1, "it is told that it has nothing");
      assert.equal(member.states.at(-1), "Stable");
    }
  },
);

natsTest("two groups on one server never meet", async (rig) => {
  await using one = await Cluster.open(rig, { group: "one" });
  await using two = await Cluster.open(rig, { group: "two", partitionCount: 7 });
  await Promise.all([one.add(2), two.add(3)]);
  await Promise.all([one.untilStable(), two.untilStable()]);
  await Promise.all([one.publish(3), two.publish(3)]);
  const generation = two.publications.latest!.generation;
  await one.kill(one.leader);
  await one.untilStable();
  await one.leader.manager.refreshPartitions();
  assert.equal(two.publications.latest!.generation, generation);
  await Promise.all([one.untilDrained(), two.untilDrained()]);
  await one.assertEffects();
  await two.assertEffects();
});
