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
    const context = { url, progress: () => {} };
    const { samples, problems } = await moveUnderLoad(group, 8, context, 20_000);
    assert.deepEqual(problems, []);
    assert.deepEqual(samples.map(({ metric }) => metric), ["joinLoaded", "leaveLoaded"]);
    assert.ok(samples.every(({ value }) => value > 0), JSON.stringify(samples));
    assert.equal(group.workers, 1);
    assert.ok(group.handled > 500, `${group.handled} were handled`);
    assert.equal(group.partitionsServed, 8);
  },
);

natsTest("scale: planted: a message that is lost in a move under load is told", async (rig) => {
  const { url } = rig.server;
  await using group = await StressGroup.open({
    ...{ url, partitions: 8, mostWorkers: 2, consume: true, fault: "loss" },
  });
  await group.add(1);
  const { problems } = await moveUnderLoad(group, 8, { url, progress: () => {} }, 500);
  const told = problems!.join();
  assert.match(told, /^\d+ of \d+ messages were handled and 0 are left in the stream/);
  const [handled, sent] = told.match(/\d+/g)!;
  assert.equal(Number(handled), Number(sent) - 1);
});
