/**
 * Starting while the server is out of reach.
 *
 * @module
 */
import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import { isPartiError } from "../errors.ts";
import { Manager } from "../manager/manager.ts";
import { partitions, TEST_TIMING } from "../test_support/cluster.ts";
import { natsTest, until } from "../test_support/rig.ts";

natsTest("start: during a restart of the server it waits for it", async (rig) => {
  const { world } = await rig.connect();
  await rig.server.kill();
  await until("it is noticed", () => !world.messaging.connected);
  const errors: unknown[] = [];
  await using manager = new Manager({
    world,
    config: { ...TEST_TIMING, group: "g" },
    source: staticSource(partitions(4)),
    hooks: { onError: (error) => void errors.push(error) },
  });
  const starting = manager.start();
  await until("it has tried", () => errors.length > 0);
  assert.ok(isPartiError(errors[0], "PARTI_DISCONNECTED"), `${errors[0]}`);
  await rig.server.restart();
  await starting;
  assert.equal(manager.state, "Stable");
});
