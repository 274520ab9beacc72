import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import type { FeedStore, PublishAck } from "../../ports/feed.ts";
import type { World } from "../../ports/world.ts";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import type { CopyRecord } from "./copy_record.ts";
import { Pauses } from "./pauses.ts";
import { ShardWriter } from "./shard_writer.ts";

const MESSAGE = { sequence: 1, key: "a", headers: {}, data: new Uint8Array(1) };
const RECORD: CopyRecord = {
  ...{ from: { stream: "E", subjectTemplate: "e.{{.PartitionID}}" }, shards: 1, term: 1 },
  ...{ holder: "me", serial: 1, consumer: "c", upTo: 2, lasts: [0] },
  batch: [MESSAGE, { ...MESSAGE, sequence: 2 }],
};

/** A writer of two messages, the second of which finds no room. */
function writer(publish: () => Promise<PublishAck>) {
  const end = new AbortController();
  const told: unknown[] = [];
  const rooms = [undefined, new Promise<void>(() => {})];
  const feed = { room: () => rooms.shift(), publish } as unknown as FeedStore;
  const world = { clock: new ManualClock(), random: { float: () => 1 } } as unknown as World;
  const stored = new ShardWriter({
    feed,
    layout: { stream: "S", subjectTemplate: "s.{{.Shard}}.{{.PartitionID}}", shards: 1 },
    pauses: new Pauses(world, end.signal),
    onError: (error) => void told.push(error),
    confirm: () => Promise.resolve(),
    onStranger: () => Promise.resolve(),
  }).store(RECORD);
  return { end, told, stored };
}

const away = (): Promise<never> =>
  Promise.reject(new PartiError("PARTI_DISCONNECTED", "the connection is gone"));

Deno.test("a failure is told while there is no room, and does not wait for it", async () => {
  const { end, told, stored } = writer(away);
  const failed = assert.rejects(stored, { code: "PARTI_DISCONNECTED" });
  await settle();
  assert.equal(told.length, 1);
  end.abort();
  await failed;
});

Deno.test("who is to end does not wait for room", async () => {
  let count = 0;
  const stuck = new Promise<PublishAck>(() => {});
  const { end, stored } = writer(() => ++count === 1 ? stuck : away());
  void stored.catch(() => {});
  await settle();
  assert.equal(count, 1);
  end.abort();
  await settle();
  assert.equal(count, 2);
});
