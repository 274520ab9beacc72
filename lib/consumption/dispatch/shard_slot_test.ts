import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { fakeLane, FakeMessage } from "../fakes_test.ts";
import type { Lane } from "../lanes/lane.ts";
import { Hold } from "./hold.ts";
import { Run } from "./run.ts";
import { KEYS_MAX, ShardSlot } from "./shard_slot.ts";
import type { Slot } from "./slot.ts";

const OWNER = { worker: "w", instance: "i" };
const RIGHT = { epoch: 1, generation: 1 };

function shardOnLane(checkKey: (key: string) => void = () => {}) {
  const partition = { keys: ["shard-3"] };
  const hold = new Hold(RIGHT);
  const shard = new ShardSlot(partition, "shard-3", "feed.3.", "FEED-3", hold, checkKey);
  const { lane } = fakeLane([shard]);
  return { shard, lane };
}

function take(shard: ShardSlot, lane: Lane, key: string, sequence: number): Slot {
  const message = new FakeMessage(`3.${key}`, sequence);
  const slot = shard.part(message.subject);
  assert.equal(slot.take(message, lane), "queued");
  return slot;
}

function start(slot: Slot): Run {
  const run = new Run(slot, slot.next(), OWNER, false);
  slot.running = run;
  return run;
}

function finish(slot: Slot, run: Run): void {
  slot.done(run.message);
  slot.running = undefined;
}

Deno.test("each key of a shard has an order of its own, and handlers see the key", () => {
  const { shard, lane } = shardOnLane();
  const a = take(shard, lane, "a", 1);
  const b = take(shard, lane, "eu.b", 2);
  assert.equal(take(shard, lane, "a", 3), a);
  const run = start(a);
  assert.equal(a.canRun, false, "one message of a key at a time");
  assert.equal(b.canRun, true, "beside those of others");
  assert.deepEqual([run.partitionId, b.id, b.partition.keys], ["a", "eu.b", ["eu", "b"]]);
});

Deno.test("what is true of the shard is true of its keys, at once", () => {
  const { shard, lane } = shardOnLane();
  const a = take(shard, lane, "a", 1);
  for (const flag of ["moving", "stale"] as const) {
    shard[flag] = true;
    assert.equal(a.canRun, false, flag);
    shard[flag] = false;
  }
  shard.ownership = { epoch: 2, generation: 7 };
  assert.deepEqual(a.ownership, { epoch: 2, generation: 7 });
  shard.wanted = false;
  assert.deepEqual([a.wanted, a.canRun], [false, false]);
});

Deno.test("a message of a key that is given up makes the whole shard start anew: its lane is past it", () => {
  const { shard, lane } = shardOnLane();
  const a = take(shard, lane, "a", 1);
  const b = take(shard, lane, "b", 2);
  const run = start(a);
  a.running = undefined;
  a.giveUp(run);
  assert.deepEqual([shard.stale, b.canRun], [true, false]);
});

Deno.test("a shard runs something as long as a key does, and by right as long as one does by right", () => {
  const { shard, lane } = shardOnLane();
  const [a, b] = [take(shard, lane, "a", 1), take(shard, lane, "b", 2)];
  const running = () => shard.running;
  assert.equal(running(), undefined);
  const runs = [start(a), start(b)];
  runs[0]!.abort(new PartiError("PARTI_ABORTED", "over"));
  assert.equal(running()?.aborted, false);
  shard.abort(new PartiError("PARTI_ABORTED", "over"));
  assert.deepEqual(runs.map(({ aborted }) => aborted), [true, true]);
  assert.equal(running()?.aborted, true);
  a.running = undefined;
  b.running = undefined;
  assert.equal(running(), undefined);
});

Deno.test("dropped messages of all keys come again, and what was done is known", () => {
  const { shard, lane } = shardOnLane();
  const a = take(shard, lane, "a", 1);
  finish(a, start(a));
  take(shard, lane, "a", 3);
  take(shard, lane, "b", 2);
  assert.equal(shard.drop(), 2);
  assert.equal(a.take(new FakeMessage("3.a", 1), lane), "already-done");
  assert.equal(a.take(new FakeMessage("3.a", 3), lane), "queued");
});

Deno.test("who waits between two tries in a key is called when the shard is not wanted any more", async () => {
  const { shard, lane } = shardOnLane();
  const a = take(shard, lane, "a", 1);
  start(a);
  const waited = a.waitFor((signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve()))
  );
  shard.wanted = false;
  await waited;
});

/** So many keys that have had their one message. */
function fill(shard: ShardSlot, lane: Lane, count: number): void {
  for (let i = 0; i < count; i++) {
    const slot = take(shard, lane, `k${i}`, i + 1);
    finish(slot, start(slot));
  }
}

Deno.test("keys whose acks are confirmed are forgotten once there are many; one at work never is", () => {
  const { shard, lane } = shardOnLane();
  const busy = take(shard, lane, "busy", 1_000_000);
  start(busy);
  fill(shard, lane, KEYS_MAX);
  shard.confirmed();
  assert.equal(shard.keyCount, KEYS_MAX + 1, "acks of now may be under way still");
  const again = shard.part("feed.3.k7");
  assert.equal(again.take(new FakeMessage("3.k7", 8), lane), "already-done");
  for (let i = 0; i < KEYS_MAX; i++) shard.part(`feed.3.n${i}`);
  shard.confirmed();
  assert.equal(shard.part("feed.3.busy"), busy);
  assert.ok(shard.keyCount <= KEYS_MAX + 2, `${shard.keyCount} keys`);
});

Deno.test("a fenced key keeps its shard from being acquired for a while, and another key's success does not end that", () => {
  const { shard, lane } = shardOnLane();
  const [a, b] = [take(shard, lane, "a", 1), take(shard, lane, "b", 2)];
  a.outranked = true;
  a.outrankedUntilMs = 9_000;
  assert.equal(shard.dueAtMs, 9_000);
  finish(b, start(b));
  assert.equal(shard.outranked, true);
  finish(a, start(a));
  assert.equal(shard.outranked, false);
});

Deno.test("a shard is outranked until all keys that were fenced have gone well, or there is another assignment", () => {
  const { shard, lane } = shardOnLane();
  const [a, b] = [take(shard, lane, "a", 1), take(shard, lane, "b", 2)];
  a.outranked = true;
  b.outranked = true;
  finish(a, start(a));
  assert.equal(shard.outranked, true, "b may still be somebody else's");
  finish(b, start(b));
  assert.equal(shard.outranked, false);
  // One that was fenced under the assignment before is not under this one.
  a.outranked = true;
  shard.outranked = false;
  b.outranked = true;
  take(shard, lane, "a", 3);
  finish(a, start(a));
  assert.equal(shard.outranked, true);
});

Deno.test("what waits between two tries gives up when its lane ends or another key has given up, so that all get a fresh one", async () => {
  for (const end of ["lane", "key"] as const) {
    const { shard, lane } = shardOnLane();
    const [a, b] = [take(shard, lane, "a", 1), take(shard, lane, "b", 2)];
    start(a);
    const waited = a.waitFor((signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve()))
    );
    assert.equal(a.mayRetry, true);
    if (end === "lane") lane.fail("stalled", "as after a lost delivery");
    else {
      const run = start(b);
      b.running = undefined;
      b.giveUp(run);
    }
    await waited;
    assert.equal(a.mayRetry, false, end);
  }
});

Deno.test("a key is not forgotten before a later lane has come past what it has done: its ack may have gone nowhere", () => {
  const { shard, lane } = shardOnLane();
  const late = take(shard, lane, "late", 1_000_000);
  finish(late, start(late));
  lane.gone("deleted, and the ack with it");
  lane.detach(shard);
  const next = fakeLane([shard]).lane;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < KEYS_MAX; i++) {
      const slot = take(shard, next, `r${round}-${i}`, round * KEYS_MAX + i + 1);
      finish(slot, start(slot));
    }
    shard.confirmed();
  }
  assert.ok(shard.keyCount < 3 * KEYS_MAX, "others are forgotten");
  const again = shard.part("feed.3.late");
  assert.equal(again.take(new FakeMessage("3.late", 1_000_000), next), "already-done");
});
