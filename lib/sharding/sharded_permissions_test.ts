import assert from "node:assert/strict";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { Manager } from "../manager/manager.ts";
import {
  type Permission,
  permissionsBlock,
  workerPermissions,
} from "../ports/nats/worker_permissions.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { changedFeed } from "../test_support/changed_world.ts";
import { until } from "../test_support/rig.ts";
import { makeShards } from "./make_shards.ts";
import { shardSubject } from "./shards.ts";

const FEED = {
  stream: "ORDERS",
  subjectTemplate: "ORDERS.{{.Shard}}.{{.PartitionID}}",
  shards: 1,
};
const RESET = "$JS.API.CONSUMER.RESET.ORDERS-0.*";

/** A world in which the second message that is delivered is lost on its way. */
function losing(world: World): World {
  let count = 0;
  return changedFeed(world, {
    pull: (stream, lane, handler) =>
      world.feed.pull(stream, lane, {
        onMessage: (message) => ++count === 2 ? undefined : handler.onMessage(message),
        onLost: (reason, detail) => handler.onLost(reason, detail),
        onPermission: (refusal) => handler.onPermission(refusal),
        onDelivered: (sequence) => handler.onDelivered?.(sequence),
      }),
  });
}

/** A worker of one shard loses a delivery while the handler of the key `long` runs. Returns the keys in the order in which they were handled. */
async function loses(lines: readonly Permission[]): Promise<{ handled: string[]; log: string }> {
  await using server = await launchNats({
    extraConfig: `accounts { A { jetstream: enabled, users: [
      { user: admin, password: x },
      { user: worker, password: x, permissions: ${permissionsBlock(lines)} }
    ] } }`,
  });
  const admin = await connectNats({ servers: server.url, user: "admin", pass: "x" });
  const { feed } = natsWorld(admin);
  await makeShards(feed, FEED, { storage: "memory", replicas: 1 });
  for (const key of ["long", "lost", "next"]) {
    await feed.publish(shardSubject(FEED, key), new Uint8Array(1));
  }
  const nc = await connectNats({ servers: server.url, user: "worker", pass: "x" });
  const handled: string[] = [];
  const longIsOver = Promise.withResolvers<void>();
  const manager = new Manager({
    world: losing(natsWorld(nc)),
    config: { group: "g", preset: "fast", consumer: FEED },
    handler: async (_, { partitionId }) => {
      if (partitionId === "long") await longIsOver.promise;
      handled.push(partitionId);
    },
  });
  await manager.start();
  // A refusal comes before anything could be handled; otherwise the others are handled though the long one runs.
  await until("the others go on, or may not", () => {
    return handled.length === 2 || server.logTail().includes("Violation");
  }, 20_000);
  longIsOver.resolve();
  await until("all are handled", () => handled.length === 3, 20_000);
  await manager.stop();
  for (const connection of [nc, admin]) await connection.close();
  return { handled, log: server.logTail() };
}

Deno.test("least permissions: with exactly these a shard that has lost a delivery goes on though a handler runs; without one of them it waits for that", async () => {
  const lines = workerPermissions({ group: "g", stream: FEED.stream, shards: FEED.shards });
  const all = await loses(lines);
  assert.deepEqual(all.handled, ["lost", "next", "long"]);
  assert.doesNotMatch(all.log, /Violation/);
  const fewer = await loses(lines.filter(({ subject }) => subject !== RESET));
  assert.deepEqual(fewer.handled, ["long", "lost", "next"]);
  assert.match(fewer.log, /Violation.*CONSUMER\.RESET\.ORDERS-0\./);
});
