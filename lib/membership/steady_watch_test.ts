import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import type { KvWatch } from "../ports/kv.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import { FakeBucket, plainRandom, timeout } from "./fake_bucket_test.ts";
import { SteadyWatch } from "./steady_watch.ts";

function setUp(bucket = new FakeBucket()) {
  const clock = new ManualClock();
  const told: string[] = [];
  const watch = new SteadyWatch({
    bucket,
    pattern: "worker.*",
    clock,
    random: plainRandom(),
    onEntry: (entry) => void told.push(`${entry.key}@${entry.revision}`),
    onInitialized: () => void told.push("initialized"),
    onAnew: () => void told.push("anew"),
    onError: () => void told.push("error"),
  });
  return { clock, bucket, told, watch };
}

Deno.test("it reports, and goes on reporting after it was lost", async () => {
  const { clock, bucket, told, watch } = setUp();
  bucket.poke("worker.1", {});
  await settle();
  assert.deepEqual(told.splice(0), ["worker.1@1", "initialized"]);
  bucket.poke("worker.2", {});
  assert.deepEqual(told.splice(0), ["worker.2@2"]);
  bucket.loseWatches(timeout());
  bucket.poke("worker.1", {});
  assert.deepEqual(told.splice(0), ["error"]);
  await clock.advance(200);
  assert.deepEqual(told.splice(0).sort(), ["initialized", "worker.1@3", "worker.2@2"]);
  await watch.close();
  assert.equal(bucket.watchCount, 0);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a bucket made anew is told before the error", async () => {
  const { clock, bucket, told, watch } = setUp();
  await settle();
  bucket.remake();
  assert.deepEqual(told, ["initialized", "anew", "error"]);
  await clock.advance(200);
  assert.equal(bucket.watchCount, 1);
  await watch.close();
});

Deno.test("one that cannot be opened is tried less and less often, then soon again", async () => {
  const { clock, bucket, told, watch } = setUp();
  await settle();
  bucket.loseWatches(timeout());
  bucket.before = () => {
    throw new PartiError("PARTI_REFUSED", "no");
  };
  await clock.advance(60_000);
  const errors = told.length;
  assert.ok(errors > 8 && errors < 25, `${errors} errors in a minute`);
  bucket.before = () => {};
  await clock.advance(5_000);
  assert.equal(bucket.watchCount, 1);
  bucket.loseWatches(timeout());
  await clock.advance(200);
  assert.equal(bucket.watchCount, 1, "opened well, it starts with short pauses again");
  await watch.close();
});

Deno.test("closed while it is being opened, it closes what comes of that", async () => {
  const bucket = new FakeBucket();
  const { promise, resolve } = Promise.withResolvers<void>();
  bucket.before = () => promise;
  const { clock, told, watch } = setUp(bucket);
  await watch.close();
  bucket.poke("worker.1", {});
  resolve();
  await settle();
  assert.equal(bucket.watchCount, 0);
  assert.deepEqual(told, []);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("closed while the opening fails, it is not opened again", async () => {
  const bucket = new FakeBucket();
  bucket.after = () => Promise.reject(timeout());
  const { clock, told, watch } = setUp(bucket);
  await watch.close();
  await settle();
  assert.equal(clock.pendingTimers, 0);
  assert.deepEqual(told, []);
});

Deno.test("lost before it was open, it is opened once more and not twice", async () => {
  const bucket = new FakeBucket();
  const open = bucket.watch.bind(bucket);
  let first = true;
  bucket.watch = async (pattern, handler): Promise<KvWatch> => {
    const watch = await open(pattern, handler);
    if (first) bucket.loseWatches(timeout());
    first = false;
    return watch;
  };
  const { clock, watch } = setUp(bucket);
  await clock.advance(10_000);
  assert.equal(bucket.watchCount, 1);
  await watch.close();
});
