import assert from "node:assert/strict";
import { natsTest } from "../../lib/test_support/rig.ts";
import { StressGroup } from "../ground/group.ts";
import { moveUnderLoad } from "./measure.ts";

natsTest(
  "scale: while one more comes and one goes under load, messages are handled",
  async (rig) => {
    const { url } = rig.server;
    await using group = await StressGroup.open({
      ...{ url, partitions: 8, mostWorkers: 2, consume: true },
    });
    await group.add(1);
    const samples = await moveUnderLoad(group, 8, { url, progress: () => {} });
    assert.deepEqual(samples.map(({ metric }) => metric), ["joinLoaded", "leaveLoaded"]);
    assert.ok(samples.every(({ value }) => value > 0), JSON.stringify(samples));
    assert.equal(group.workers, 1);
    assert.ok(group.handled > 500, `${group.handled} were handled`);
    assert.equal(group.partitionsServed, 8);
  },
);
