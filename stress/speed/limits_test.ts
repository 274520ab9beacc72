import assert from "node:assert/strict";
import { ackPendingOf } from "../../lib/consumption/lanes/ack_pending.ts";
import { PREFETCH_MOST } from "../../lib/consumption/lanes/prefetch.ts";
import type { FeedStore } from "../../lib/ports/feed.ts";
import type { World } from "../../lib/ports/world.ts";
import { natsTest } from "../../lib/test_support/rig.ts";
import { bareConsume } from "./consume.ts";
import { bareEffect } from "./effect.ts";
import { bareHandoff } from "./handoff.ts";
import { BARE_ACK_PENDING, BARE_BATCH, names } from "./streams.ts";

/** A library of which nothing works but what comes before the measuring or beside it. */
function without(world: World, allowed: readonly string[]): World {
  const feed = new Proxy(world.feed, {
    get(feed, name: keyof FeedStore) {
      if (!allowed.includes(name)) throw new Error(`the limit goes through the library: ${name}`);
      return feed[name].bind(feed);
    },
  });
  return { ...world, feed };
}

const STREAMS = ["destroyStream", "ensureStream"];

natsTest(
  "limits: nothing of the library is in them, so that no slowness of its can lower them",
  async (rig) => {
    const { world, nc } = await rig.connect();
    const size = { count: 500, quick: true };
    const beside = without(world, [...STREAMS, "publish", "streamInfo"]);
    assert.ok(await bareConsume(nc, beside, size, names(100)) > 0);
    assert.ok(await bareEffect(nc, without(world, STREAMS), 20) > 0);
    assert.ok(await bareHandoff(nc, without(world, [...STREAMS, "publish"])) > 0);
  },
);

Deno.test("limits: the bare loop has as much room as a worker", () => {
  assert.equal(BARE_ACK_PENDING, ackPendingOf(PREFETCH_MOST, undefined));
  assert.ok(BARE_BATCH >= PREFETCH_MOST);
});
