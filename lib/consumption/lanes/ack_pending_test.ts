import assert from "node:assert/strict";
import { ACK_PENDING_LEAST, ackPendingOf, roomOf } from "./ack_pending.ts";
import { LANE_PARTITIONS_MAX } from "./acquirer.ts";

Deno.test("a lane asks for much more than it has room for, but never for more than the stream allows", () => {
  assert.equal(ackPendingOf(16, undefined), 4_096);
  assert.equal(ackPendingOf(1_000, undefined), 16_000);
  assert.equal(ackPendingOf(1_000, 1_024), 1_024);
  assert.equal(ackPendingOf(1_000, 1_000_000), 16_000);
});

Deno.test("the prefetch has its room unless the stream's limit is lower, and then handlers still have theirs", () => {
  for (const prefetch of [1, 256, 5_000]) {
    assert.ok(roomOf(ackPendingOf(prefetch, undefined)) >= prefetch);
  }
  assert.equal(roomOf(1_024), 64);
  assert.ok(roomOf(ACK_PENDING_LEAST) + LANE_PARTITIONS_MAX <= ACK_PENDING_LEAST);
});
