/**
 * A group whose buckets were deleted by hand while its output stream was kept: its epochs begin anew, below those in the output.
 *
 * @module
 */
import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { isPartiError } from "../errors.ts";
import { assignmentBucket, leaseBucket } from "../names.ts";
import { Cluster } from "../test_support/cluster.ts";
import { natsTest, until } from "../test_support/rig.ts";

natsTest(
  "outranked by a kept output: not Stable, not healthy, said with what to do; well again once the output is purged",
  async (rig) => {
    {
      await using before = await Cluster.open(rig, { partitionCount: 4 });
      await before.add(2);
      await before.untilStable();
      // The next leader's epoch is above that of any young group.
      await before.stop(before.leader);
      await before.add(1);
      await before.stop(before.leader);
      await before.untilStable();
      await before.publish(2);
      await before.untilDrained();
      assert.ok(before.publications.latest!.epoch > 8, `${before.publications.latest!.epoch}`);
      await before.stop(...before.running);
      await before.publications.close();
      await before.world.kv.destroy(leaseBucket(before.group));
      await before.world.kv.destroy(assignmentBucket(before.group));
    }
    await using cluster = await Cluster.open(rig, { partitionCount: 4 });
    const [member] = await cluster.add(1);
    await cluster.untilStable();
    assert.ok(cluster.publications.latest!.epoch < 8);
    await cluster.publish(1, [{ keys: ["p-0"] }]);
    await member!.manager.waitState("Rebalancing", 5_000);
    await until("it is not healthy", () => member!.manager.consumerHealth?.healthy === false);
    assert.deepEqual(member!.manager.consumerHealth!.outranked, ["p-0"]);
    const said = member!.errors.find((error) => isPartiError(error, "PARTI_FENCED"));
    assert.ok(isPartiError(said));
    assert.equal(said.value, "p-0");
    assert.match(said.hint!, /purge the output stream/);
    // It is tried again, and shows the whole time that not all is well.
    const tries = () =>
      member!.errors.filter((error) => isPartiError(error, "PARTI_FENCED")).length;
    const first = tries();
    await until("it is tried again", () => tries() > first, 10_000);
    assert.equal(member!.manager.state, "Rebalancing");
    const jsm = await jetstreamManager(member!.nc);
    await jsm.streams.purge(cluster.output);
    await member!.manager.waitState("Stable", 10_000);
    await cluster.untilDrained();
    await cluster.untilStable();
    await cluster.assertEffects();
  },
);
