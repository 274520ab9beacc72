/**
 * Groups whose workers are replaced: all at once, one after the other, and without a pause.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Cluster } from "../test_support/cluster.ts";
import { natsTest } from "../test_support/rig.ts";

natsTest(
  "rows 76, 39: all stop, all come back: one rebalance, the IDs there were, most partitions with the ID that had them",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 50 });
    await cluster.add(10);
    await cluster.untilStable();
    const before = cluster.owners();
    await cluster.publish(2);
    await cluster.untilDrained();
    const stoppedAtMs = performance.now();
    await cluster.stop(...cluster.running);
    // None of them waited for its shutdown timeout.
    assert.ok(performance.now() - stoppedAtMs < 4_000, `${performance.now() - stoppedAtMs} ms`);
    const generations = cluster.publications.generations.length;
    // Nobody is there, and the work goes on arriving.
    await cluster.publish(5);
    await cluster.add(10);
    await cluster.untilStable();
    assert.equal(cluster.publications.generations.length, generations + 1);
    const owners = cluster.owners();
    assert.deepEqual(new Set(owners.values()), new Set(before.values()));
    const kept = [...owners].filter(([id, owner]) => before.get(id) === owner);
    assert.ok(kept.length >= 40, `${kept.length} of 50 kept`);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest(
  "rows 25, 42: a rolling update under load replaces everybody: all is covered at each step, nothing is lost or comes twice, and in the end most is where it was",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 100, workMs: 1 });
    await cluster.add(10);
    await cluster.untilStable();
    const before = cluster.owners();
    await cluster.whilePublishing(async () => {
      for (const old of [...cluster.running]) {
        const { workerId } = old.manager;
        await cluster.stop(old);
        await cluster.untilStable();
        const [fresh] = await cluster.add();
        assert.equal(fresh!.manager.workerId, workerId, "the free ID is taken");
        await cluster.untilStable();
      }
    }, 50);
    await cluster.untilDrained();
    await cluster.assertEffects();
    // Each next owner has a consumer of its own, which counts deliveries anew: what was begun twice is what came twice.
    assert.equal(cluster.oracle.repeatedCount, 0);
    const kept = [...cluster.owners()].filter(([id, owner]) => before.get(id) === owner);
    assert.ok(kept.length >= 80, `${kept.length} of 100 kept`);
  },
);

natsTest("row 44: joins and leaves without a pause", async (rig) => {
  await using cluster = await Cluster.open(rig, { partitionCount: 50 });
  await cluster.add(2);
  await cluster.whilePublishing(async () => {
    for (let round = 0; round < 6; round++) {
      const joining = cluster.add(round % 2 + 1);
      if (cluster.running.length > 3) await cluster.stop(cluster.running[0]!);
      await joining;
    }
    await cluster.untilStable();
  }, 30);
  await cluster.untilDrained();
  await cluster.assertEffects();
});
