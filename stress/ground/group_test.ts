import assert from "node:assert/strict";
import { natsTest, type Rig, until } from "../../lib/test_support/rig.ts";
import { StressGroup, SUBJECT_TEMPLATE } from "./group.ts";
import { Load } from "./load.ts";

for (const shared of [false, true]) {
  const how = shared ? "one connection" : "a connection each";
  natsTest(
    `group: is well when all partitions are owned, and serves all of them: ${how}`,
    (rig) => {
      return serves(rig, shared);
    },
  );
}

async function serves(rig: Rig, shared: boolean): Promise<void> {
  const { url } = rig.server;
  await using group = await StressGroup.open({
    ...{ url, partitions: 12, mostWorkers: 3, consume: true, shared },
  });
  await group.add(2);
  assert.equal(group.workers, 2);
  await using load = await Load.start({
    ...{ url, subjectTemplate: SUBJECT_TEMPLATE, partitions: 12, perSecond: 240, payloadBytes: 8 },
  });
  await until("each partition had one", () => group.partitionsServed === 12);
  await group.add(1);
  assert.equal(group.workers, 3);
  await group.remove(0);
  assert.equal(group.workers, 2);
  const sent = await load.finish();
  await until("all is handled", () => group.handled === sent);
}

natsTest("group: planted: with slow waits it is well later by as much", async (rig) => {
  const startedIn = async (fault: "slow" | undefined) => {
    await using group = await StressGroup.open({
      ...{ url: rig.server.url, partitions: 4, mostWorkers: 1, consume: false, fault },
    });
    const start = await group.prepare(1);
    const beganMs = performance.now();
    await start();
    return performance.now() - beganMs;
  };
  const quickMs = await startedIn(undefined);
  const slowMs = await startedIn("slow");
  assert.ok(slowMs > quickMs * 2, `${slowMs} ms against ${quickMs} ms`);
});
