import assert from "node:assert/strict";
import { launchNats } from "../../../tasks/nats_launcher.ts";
import { copyPermissions, permissionsBlock } from "../../ports/nats/worker_permissions.ts";
import { connectNats, natsWorld } from "../../ports/nats/world.ts";
import { until } from "../../test_support/rig.ts";
import { makeShards } from "../make_shards.ts";
import { copyToShards } from "./copy_to_shards.ts";
import { LAYOUT, makeStream, SOURCE } from "./copy_scene_test.ts";

Deno.test("least permissions: with exactly these a copier begins, is taken over, and copies", async () => {
  const lines = copyPermissions({
    ...{ from: SOURCE.stream, stream: LAYOUT.stream, shards: LAYOUT.shards },
    subjects: "orders.*.>",
  });
  await using server = await launchNats({
    extraConfig: `accounts { A { jetstream: enabled, users: [
      { user: admin, password: x },
      { user: copier, password: x, permissions: ${permissionsBlock(lines)} }
    ] } }`,
  });
  const admin = await connectNats({ servers: server.url, user: "admin", pass: "x" });
  const { feed } = natsWorld(admin);
  await makeStream(admin, SOURCE.stream, ["events.>"], "interest");
  await makeShards(feed, LAYOUT, { storage: "file", replicas: 1 });
  const errors: unknown[] = [];
  const copy = async () => {
    const nc = await connectNats({ servers: server.url, user: "copier", pass: "x" });
    const copier = await copyToShards({
      ...{ world: natsWorld(nc), from: SOURCE, into: LAYOUT, takeOverAfterMs: 100 },
      onError: (error) => void errors.push(error),
    });
    return { nc, copier };
  };
  const first = await copy();
  const publish = async () => {
    for (let i = 0; i < 20; i++) await feed.publish(`events.${i}`, new Uint8Array(1));
  };
  await publish();
  await until("all are copied", () => first.copier.copied === 20);
  assert.deepEqual(errors, []);
  await first.nc.close();
  await first.copier.close();
  errors.length = 0;
  await publish();
  const second = await copy();
  await until("the rest is copied", () => second.copier.upTo === 40);
  await second.copier.close();
  assert.equal(second.copier.copied, 20);
  assert.deepEqual(errors, []);
  assert.doesNotMatch(server.logTail(), /Violation/);
  await second.nc.close();
  await admin.close();
});
