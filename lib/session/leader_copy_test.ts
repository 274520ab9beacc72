import assert from "node:assert/strict";
import { resolveConfig } from "../config/config.ts";
import { PartiError } from "../errors.ts";
import { makeShards } from "../sharding/make_shards.ts";
import { changedBuckets } from "../test_support/changed_world.ts";
import { natsTest, until } from "../test_support/rig.ts";
import { LeaderCopy } from "./leader_copy.ts";

natsTest("a leader goes also while the record of its first claim has no leader", async (rig) => {
  const { world } = await rig.connect();
  const memory = { storage: "memory", replicas: 1 } as const;
  await world.feed.ensureStream("E", { subjects: ["E.>"], retention: "limits", ...memory });
  const config = resolveConfig({
    group: "g",
    consumer: { stream: "O", shards: 2, from: { stream: "E" } },
  });
  const { subjectTemplate } = config.consumer!;
  await makeShards(world.feed, { stream: "O", subjectTemplate, shards: 2 }, memory);
  let tries = 0;
  const away = changedBuckets(world, () => ({
    create: () => {
      tries++;
      return Promise.reject(new PartiError("PARTI_TIMEOUT", "no leader"));
    },
  }));
  const told: string[] = [];
  const copied: [boolean, number][] = [];
  const copy = new LeaderCopy(away, config, {
    onError: (error) => told.push((error as PartiError).code),
    onCopy: (isCopying, lag) => copied.push([isCopying, lag]),
  });
  await until("it tries", () => tries > 1);
  let isClosed = false;
  const closing = copy.close().then(() => isClosed = true);
  await until("it is closed", () => isClosed, 5_000);
  await closing;
  assert.deepEqual([copy.health.state, copied], ["waiting", [[false, 0], [false, 0]]]);
  assert.deepEqual(new Set(told), new Set(["PARTI_TIMEOUT"]), "the end itself is no error");
});
