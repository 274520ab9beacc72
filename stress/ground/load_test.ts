import assert from "node:assert/strict";
import { natsTest, until } from "../../lib/test_support/rig.ts";
import { Load } from "./load.ts";

natsTest(
  "load: publishes to every partition in turn, as many as it says in the end",
  async (rig) => {
    const { world } = await rig.connect();
    const heard = new Map<string, number>();
    const total = () => [...heard.values()].reduce((sum, count) => sum + count, 0);
    world.messaging.subscribe("load.*", ({ subject }) => {
      heard.set(subject, (heard.get(subject) ?? 0) + 1);
    });
    await world.messaging.flush(5_000);
    await using load = await Load.start({
      ...{ url: rig.server.url, subjectTemplate: "load.{{.PartitionID}}" },
      ...{ partitions: 4, perSecond: 400, payloadBytes: 16 },
    });
    await until("there is some", () => total() >= 40);
    const sent = await load.finish();
    await until("all is heard", () => total() === sent);
    assert.deepEqual([...heard.keys()].sort(), ["load.0", "load.1", "load.2", "load.3"]);
    const counts = [...heard.values()];
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
  },
);

natsTest("load: planted: a server that is gone is told, not waited for", async (rig) => {
  const url = rig.server.url;
  await rig.server.stop();
  const spec = { subjectTemplate: "load.{{.PartitionID}}", partitions: 1, perSecond: 1 };
  await assert.rejects(Load.start({ ...spec, url, payloadBytes: 1 }), /load's process ended/);
});
