/**
 * Several workers of one process over one connection: each goes and comes for itself, and only what befalls the connection befalls all.
 *
 * @module
 */
import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import { leaseBucket, workerKey } from "../names.ts";
import { natsWorld } from "../ports/nats/world.ts";
import { Cluster, partitions } from "../test_support/cluster.ts";
import { cuttable } from "../test_support/cuttable.ts";
import { natsTest, until } from "../test_support/rig.ts";

natsTest(
  "two managers over one connection: one stops, the other takes over and goes on",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 8 });
    const { nc } = await rig.connect();
    const [first] = await cluster.add(1, { world: natsWorld(nc) });
    const [second] = await cluster.add(1, { world: natsWorld(nc) });
    await cluster.untilStable();
    assert.equal(first!.manager.isLeader, true);
    const counts = () =>
      cluster.running.map(({ manager }) => manager.assignment!.partitions.length);
    assert.deepEqual(counts(), [4, 4]);
    await cluster.whilePublishing(async () => {
      // The leader, so that leases, watches, probes and hints of departures all pass on to the other one.
      await cluster.stop(first!);
      await cluster.untilStable();
    });
    assert.deepEqual([second!.manager.isLeader, counts()], [true, [8]]);
    assert.equal(nc.isClosed(), false, "it is not the workers' to close");
    await cluster.add(1, { world: natsWorld(nc) });
    await cluster.untilStable();
    assert.deepEqual(counts(), [4, 4]);
    await cluster.publish();
    await cluster.untilDrained();
    await cluster.assertEffects();
    assert.deepEqual(second!.errors, []);
  },
);

natsTest(
  "managers that share world and source: one loses its lease and comes back, the others do not notice",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 9 });
    const { world } = await rig.connect();
    await cluster.add(3, { world, source: staticSource(partitions(9)) });
    await cluster.untilStable();
    const [victim, other] = cluster.followers;
    const instances = () => cluster.running.map(({ manager }) => manager.instance);
    const before = instances();
    await cluster.whilePublishing(async () => {
      const leases = await world.kv.open(leaseBucket(cluster.group), {
        ...{ ttlMs: 4_000, replicas: 1, storage: "file" },
      });
      await leases.remove(workerKey(Number(victim!.manager.workerId!.split("-").at(-1))));
      await until("it is back as another instance", () => {
        const { instance } = victim!.manager;
        return instance !== undefined && !before.includes(instance);
      }, 10_000);
      await cluster.untilStable();
    });
    const kept = instances().filter((instance) => before.includes(instance));
    assert.equal(kept.length, 2, "of the other two neither began anew");
    assert.deepEqual(other!.errors, []);
    await cluster.untilDrained();
    await cluster.assertEffects();
    cluster.setPartitions(partitions(6));
    await cluster.untilStable();
  },
);

natsTest(
  "managers over one connection that is cut: somebody else has all, and they come back together",
  async (rig) => {
    await using line = await cuttable(rig);
    await using cluster = await Cluster.open(rig, { partitionCount: 9 });
    const [outside] = await cluster.add(1);
    await cluster.add(2, { world: line.world });
    await cluster.untilStable();
    line.cut();
    await until(
      "the one outside has all",
      () => outside!.manager.assignment?.partitions.length === 9,
      10_000,
    );
    await cluster.publish();
    await cluster.untilDrained();
    line.mend();
    await until("the two are in again", () => cluster.owners().size === 9, 10_000);
    await cluster.untilStable();
    assert.deepEqual(
      cluster.running.map(({ manager }) => manager.assignment!.partitions.length),
      [3, 3, 3],
    );
    await cluster.publish();
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);
