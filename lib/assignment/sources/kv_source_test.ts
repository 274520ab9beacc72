import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { encodePartitions, kvSource } from "./kv_source.ts";
import { half, HandBucket, HandClock, settled } from "./source_testing.ts";

const signal = new AbortController().signal;
const text = (value: string) => new TextEncoder().encode(value);
const failed = (error: unknown) => isPartiError(error, "PARTI_SOURCE_FAILED");

function rig() {
  const clock = new HandClock();
  const bucket = new HandBucket();
  const errors: unknown[] = [];
  const source = kvSource({ bucket, clock, random: half, onError: (error) => errors.push(error) });
  const state = { changes: 0 };
  return { clock, bucket, errors, source, state, onChange: () => state.changes++ };
}

Deno.test("kv source: reads the document", async () => {
  const { bucket, source } = rig();
  await bucket.put(
    "partitions",
    encodePartitions([{ keys: ["a", "b"], weight: 2 }, { keys: ["c"] }]),
  );
  assert.deepEqual(await source.list(signal), [{ keys: ["a", "b"], weight: 2 }, { keys: ["c"] }]);
});

Deno.test("kv source: a missing, removed or malformed document is a failure, not an empty list", async () => {
  const { bucket, source } = rig();
  await assert.rejects(source.list(signal), failed);
  const bad = [
    "",
    "[]",
    "{}",
    '{"partitions":{}}',
    '{"partitions":[{}]}',
    '{"partitions":[{"keys":"a"}]}',
  ];
  for (
    const value of [...bad, '{"partitions":[{"keys":["a"],"weight":"2"}]}', '{"partitions":[null]}']
  ) {
    await bucket.put("partitions", text(value));
    await assert.rejects(source.list(signal), failed, value);
  }
  await bucket.put("partitions", text('{"partitions":[]}'));
  assert.deepEqual(await source.list(signal), []);
  await bucket.remove("partitions");
  await assert.rejects(source.list(signal), failed);
  assert.throws(
    () => encodePartitions([{ keys: ["a.b"] }]),
    (error) => isPartiError(error, "PARTI_INVALID_PARTITION"),
  );
});

Deno.test("kv source: tells of each new revision once, and not of the one already listed", async () => {
  const { bucket, source, state, onChange } = rig();
  await bucket.put("partitions", encodePartitions([{ keys: ["a"] }]));
  await source.list(signal);
  const watch = source.watch!(onChange);
  await settled();
  assert.equal(state.changes, 0);
  await bucket.put("partitions", encodePartitions([{ keys: ["b"] }]));
  await bucket.put("unrelated", text("x"));
  await bucket.remove("partitions");
  assert.equal(state.changes, 2);
  await watch.close();
  assert.equal(bucket.watchers.size, 0);
});

Deno.test("kv source: a lost watch is opened again with growing delays, and what changed meanwhile is told", async () => {
  const { bucket, source, state, onChange, clock, errors } = rig();
  await bucket.put("partitions", encodePartitions([{ keys: ["a"] }]));
  const watch = source.watch!(onChange);
  await source.list(signal);
  bucket.refuseWatches = true;
  bucket.loseWatches();
  await bucket.put("partitions", encodePartitions([{ keys: ["b"] }]));
  // With jitter at one half, the delays are three quarters of 200, 400, 800…
  await clock.pass(150 + 300 + 600 - 1);
  assert.equal(errors.length, 3);
  bucket.refuseWatches = false;
  assert.equal(state.changes, 0);
  await clock.pass(1);
  assert.deepEqual([bucket.watchers.size, state.changes], [1, 1]);
  // The delays start small again.
  bucket.loseWatches();
  await clock.pass(150);
  assert.deepEqual([bucket.watchers.size, state.changes], [1, 1]);
  bucket.loseWatches();
  await watch.close();
  assert.equal(clock.pending, 0);
});

Deno.test("kv source: a read that is behind does not outweigh what the watch reported", async () => {
  const { bucket, source, state, onChange } = rig();
  await bucket.put("partitions", encodePartitions([{ keys: ["old"] }]));
  const old = await bucket.get("partitions");
  source.watch!(onChange);
  await source.list(signal);
  await bucket.put("partitions", encodePartitions([{ keys: ["new"] }]));
  bucket.stale = old;
  assert.deepEqual(await source.list(signal), [{ keys: ["new"] }]);
  await bucket.remove("partitions");
  await assert.rejects(source.list(signal), failed);
  assert.equal(state.changes, 2);
});

Deno.test("kv source: after its bucket was made anew, revisions begin anew and the old list is forgotten", async () => {
  const { bucket, source, state, onChange, clock } = rig();
  for (const key of ["a", "b", "c"]) {
    await bucket.put("partitions", encodePartitions([{ keys: [key] }]));
  }
  const watch = source.watch!(onChange);
  await source.list(signal);
  bucket.remake();
  await assert.rejects(source.list(signal), failed, "there is no document any more");
  await bucket.put("partitions", encodePartitions([{ keys: ["new"] }]));
  await clock.pass(150);
  assert.deepEqual([state.changes, await source.list(signal)], [1, [{ keys: ["new"] }]]);
  await watch.close();
});

Deno.test("kv source: what a watch has seen is forgotten with it", async () => {
  const { bucket, source, onChange } = rig();
  for (const key of ["a", "b"]) {
    await bucket.put("partitions", encodePartitions([{ keys: [key] }]));
  }
  await source.watch!(onChange).close();
  bucket.remake();
  await bucket.put("partitions", encodePartitions([{ keys: ["new"] }]));
  assert.deepEqual(await source.list(signal), [{ keys: ["new"] }]);
});

Deno.test("kv source: every watcher is told of a change, whoever has seen it first", async () => {
  const { bucket, source } = rig();
  await bucket.put("partitions", encodePartitions([{ keys: ["a"] }]));
  const told = [0, 0];
  const watches = [source.watch!(() => told[0]!++), source.watch!(() => told[1]!++)];
  await source.list(signal);
  await bucket.put("partitions", encodePartitions([{ keys: ["b"] }]));
  assert.deepEqual(told, [1, 1]);
  // A list is ahead of the watch.
  bucket.stale = {
    key: "partitions",
    value: encodePartitions([{ keys: ["c"] }]),
    revision: 3,
    operation: "put",
  };
  await source.list(signal);
  await bucket.put("partitions", encodePartitions([{ keys: ["c"] }]));
  assert.deepEqual(told, [2, 2]);
  await watches[0]!.close();
  await bucket.remove("partitions");
  assert.deepEqual(told, [2, 3]);
  assert.equal(bucket.watchers.size, 1);
  await watches[1]!.close();
  assert.equal(bucket.watchers.size, 0);
});
