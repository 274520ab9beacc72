import assert from "node:assert/strict";
import { lane, pullLog, until } from "../contract/helpers_test.ts";
import { launchTestServer, testServers } from "./rig_test.ts";
import { connectNats, natsWorld } from "./world.ts";

for (const server of testServers()) {
  Deno.test(`${server.label}: no server cuts a connection for what its pulls have asked for`, async () => {
    // An eighth of what it is by itself, and of what the messages would have to be.
    await using nats = await launchTestServer(server, "max_pending: 8MB");
    const [publisher, reader] = await Promise.all([
      connectNats({ servers: nats.url }),
      connectNats({ servers: nats.url }),
    ]);
    try {
      const { feed, clock } = natsWorld(publisher);
      await feed.ensureStream("S", {
        subjects: ["feed.*"],
        retention: "workqueue",
        storage: "memory",
        replicas: 1,
      });
      const lanes = ["1", "2", "3", "4"];
      for (const name of lanes) {
        await feed.createConsumer("S", lane(name, [`feed.${name}`]));
        for (let i = 0; i < 40; i++) await feed.publish(`feed.${name}`, new Uint8Array(150_000));
      }
      const world = natsWorld(reader);
      const said: string[] = [];
      world.messaging.onStatus((status) => said.push(status));
      const logs = lanes.map((name) => pullLog(world.feed, "S", name, 40));
      const isOver = () => logs.every(({ messages }) => messages.length === 40);
      await until(clock, "all messages", () => isOver() || said.length > 0);
      assert.deepEqual(said, []);
      assert.ok(isOver());
    } finally {
      await publisher.close();
      await reader.close();
    }
  });
}
