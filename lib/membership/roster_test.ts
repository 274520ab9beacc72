import assert from "node:assert/strict";
import { isPartiError } from "../errors.ts";
import { workerKey } from "../names.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import { FakeBucket, plainRandom, timeout, TTL_MS } from "./fake_bucket_test.ts";
import { Roster } from "./roster.ts";
import type { WorkerRecord } from "./worker_lease.ts";

const RELIST_MS = 2 * TTL_MS;

function record(idNumber: number, changes: Partial<WorkerRecord> = {}): WorkerRecord & { v: 1 } {
  return {
    v: 1,
    worker: `worker-${idNumber}`,
    instance: `i${idNumber}`,
    host: "",
    capacity: 1,
    labels: {},
    leaving: false,
    applied: 0,
    ...changes,
  };
}

function renew(bucket: FakeBucket, idNumber: number, changes: Partial<WorkerRecord> = {}): number {
  return bucket.poke(workerKey(idNumber), record(idNumber, changes));
}

async function setUp(workers: number[] = []) {
  const clock = new ManualClock();
  const bucket = new FakeBucket();
  for (const idNumber of workers) renew(bucket, idNumber);
  const told = { changes: 0, errors: 0 };
  const roster = new Roster({
    bucket,
    clock,
    random: plainRandom(),
    ttlMs: TTL_MS,
    relistEveryMs: RELIST_MS,
    onChange: () => void told.changes++,
    onError: () => void told.errors++,
  });
  const before = { initialized: roster.initialized };
  await settle();
  return { clock, bucket, told, roster, before };
}

function ids(roster: Roster): number[] {
  return roster.members.map((member) => member.idNumber);
}

Deno.test("it knows everybody, by number, once it is initialized", async () => {
  const { roster, told, before } = await setUp([10, 2, 1]);
  assert.equal(before.initialized, false);
  assert.equal(roster.initialized, true);
  assert.deepEqual(ids(roster), [1, 2, 10]);
  assert.ok(told.changes > 0);
  await roster.close();
});

Deno.test("it is initialized on an empty bucket too", async () => {
  const { roster, told } = await setUp();
  assert.equal(roster.initialized, true);
  assert.equal(told.changes, 1);
  await roster.close();
});

Deno.test("a renewal that says nothing new is no change, anything else is", async () => {
  const { bucket, roster, told } = await setUp([1]);
  const start = told.changes;
  const revision = renew(bucket, 1);
  assert.equal(told.changes, start);
  assert.equal(roster.members[0]?.revision, revision);
  renew(bucket, 1, { applied: 3 });
  assert.equal(told.changes, start + 1);
  renew(bucket, 1, { applied: 3, leaving: true });
  assert.equal(told.changes, start + 2);
  renew(bucket, 2);
  assert.equal(told.changes, start + 3);
  await bucket.remove(workerKey(2));
  assert.equal(told.changes, start + 4);
  await roster.close();
});

Deno.test("who is silent for a TTL lapses, is told once, and is back with the next renewal", async () => {
  const { clock, bucket, roster, told } = await setUp([1, 2]);
  const start = told.changes;
  for (let elapsedMs = 0; elapsedMs < TTL_MS; elapsedMs += 1_000) {
    await clock.advance(1_000);
    renew(bucket, 2);
  }
  assert.equal(told.changes, start, "exactly a TTL is not over yet");
  await clock.advance(2);
  assert.deepEqual(roster.members.map((member) => roster.isLapsed(member)), [true, false]);
  assert.equal(told.changes, start + 1);
  await clock.advance(TTL_MS / 2);
  assert.equal(told.changes, start + 1);
  renew(bucket, 1);
  assert.equal(roster.isLapsed(roster.members[0]!), false);
  await roster.close();
});

Deno.test("who counts on its lease for longer than the observer's TTL lapses after its own, and nobody else by that", async () => {
  const { clock, bucket, roster } = await setUp();
  renew(bucket, 1, { ttlMs: 3 * TTL_MS });
  renew(bucket, 2, { ttlMs: TTL_MS / 2 });
  const lapsed = () => roster.members.map((member) => roster.isLapsed(member));
  await clock.advance(TTL_MS);
  assert.deepEqual(lapsed(), [false, false], "to lapse sooner than others is none's privilege");
  await clock.advance(1);
  assert.deepEqual(lapsed(), [false, true]);
  await clock.advance(2 * TTL_MS);
  assert.deepEqual(lapsed(), [true, true]);
  await roster.close();
});

Deno.test("a lapse is told in time although one that is far away was waited for", async () => {
  const { clock, bucket, roster, told } = await setUp();
  renew(bucket, 1, { ttlMs: 3 * TTL_MS });
  await clock.advance(TTL_MS / 2);
  renew(bucket, 2);
  const before = told.changes;
  await clock.advance(TTL_MS + 1);
  assert.equal(told.changes, before + 1);
  await roster.close();
});

Deno.test("one timer for all, however many renew", async () => {
  const { clock, bucket, roster } = await setUp();
  for (let i = 0; i < 50; i++) renew(bucket, i);
  for (let i = 0; i < 50; i++) renew(bucket, i);
  assert.equal(clock.pendingTimers, 2, "the lapse and the next listing");
  await roster.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("the observer's own absence is excused", async () => {
  const { clock, bucket, roster, told } = await setUp([1]);
  clock.pause(10 * TTL_MS);
  assert.equal(roster.isLapsed(roster.members[0]!), true);
  roster.excuseAll();
  assert.equal(roster.isLapsed(roster.members[0]!), false);
  const before = told.changes;
  await clock.advance(TTL_MS / 2);
  assert.equal(told.changes, before);
  renew(bucket, 1);
  await roster.close();
});

Deno.test("evicted by compare-and-delete of what was seen", async () => {
  const { bucket, roster } = await setUp([1]);
  assert.equal(await roster.evict(roster.members[0]!), true);
  assert.equal(bucket.peek(workerKey(1)), undefined);
  assert.deepEqual(ids(roster), []);
  await roster.close();
});

Deno.test("a renewal that the observer has not seen yet saves from eviction", async () => {
  const { bucket, roster } = await setUp([1]);
  const judged = roster.members[0]!;
  bucket.loseWatches(timeout());
  const revision = renew(bucket, 1);
  assert.equal(await roster.evict(judged), false);
  assert.equal(bucket.peek(workerKey(1))?.revision, revision);
  assert.equal(roster.members[0]?.revision, revision, "and the observer knows it now");
  await roster.close();
});

Deno.test("planted fault: an eviction without compare ends a living worker's lease", async () => {
  const { bucket, roster } = await setUp([1]);
  const judged = roster.members[0]!;
  bucket.loseWatches(timeout());
  renew(bucket, 1);
  const remove = bucket.remove.bind(bucket);
  bucket.remove = (key) => remove(key);
  assert.equal(await roster.evict(judged), true);
  assert.equal(bucket.peek(workerKey(1)), undefined);
  await roster.close();
});

Deno.test("whose number another instance has taken is gone, and the other stays", async () => {
  const { bucket, roster } = await setUp([1]);
  const judged = roster.members[0]!;
  bucket.loseWatches(timeout());
  renew(bucket, 1, { instance: "successor" });
  assert.equal(await roster.evict(judged), true);
  assert.equal(roster.members[0]?.record.instance, "successor");
  assert.ok(bucket.peek(workerKey(1)));
  await roster.close();
});

Deno.test("an eviction whose answer never came is an error, and true when it is tried again", async () => {
  const { bucket, roster } = await setUp([1]);
  const judged = roster.members[0]!;
  bucket.loseWatches(timeout());
  bucket.after = (operation) => {
    if (operation === "remove") throw timeout();
  };
  await assert.rejects(roster.evict(judged), (error) => isPartiError(error, "PARTI_TIMEOUT"));
  assert.deepEqual(ids(roster), [1], "nothing is known yet");
  assert.equal(await roster.evict(judged), true);
  assert.deepEqual(ids(roster), []);
  await roster.close();
});

Deno.test("a stale read after a lost compare is no proof of death", async () => {
  const { bucket, roster } = await setUp();
  renew(bucket, 1, { instance: "former" });
  const old = bucket.peek(workerKey(1));
  renew(bucket, 1);
  const judged = roster.members[0]!;
  bucket.loseWatches(timeout());
  renew(bucket, 1);
  bucket.readAs = () => old;
  assert.equal(await roster.evict(judged), false);
  assert.deepEqual(ids(roster), [1]);
  await roster.close();
});

Deno.test("a stale read that finds nothing after a lost compare is no proof of death", async () => {
  const { bucket, roster } = await setUp([1]);
  const judged = roster.members[0]!;
  bucket.loseWatches(timeout());
  const revision = renew(bucket, 1);
  bucket.readAs = () => undefined;
  assert.equal(await roster.evict(judged), false);
  assert.equal(roster.members[0]?.revision, revision, "and the observer knows it now");
  await roster.close();
});

Deno.test("a lease that expired without a word is dropped once it is judged or listed", async () => {
  const { clock, bucket, roster, told } = await setUp([1, 2]);
  bucket.expireSilently(workerKey(1));
  bucket.expireSilently(workerKey(2));
  await clock.advance(TTL_MS + 2);
  assert.deepEqual(ids(roster), [1, 2], "nobody said anything");
  assert.equal(await roster.evict(roster.members[0]!), true);
  assert.deepEqual(ids(roster), [2]);
  const before = told.changes;
  await clock.advance(RELIST_MS);
  assert.deepEqual(ids(roster), []);
  assert.equal(told.changes, before + 1);
  await roster.close();
});

Deno.test("what comes late brings nobody back", async () => {
  const { bucket, roster } = await setUp([1, 2]);
  const old = await bucket.list("worker.*");
  await roster.evict(roster.members[0]!);
  await bucket.remove(workerKey(2));
  assert.deepEqual(ids(roster), []);
  // A list that is older than the removals, as a replica that lags behind may give.
  const list = bucket.list.bind(bucket);
  bucket.list = () => Promise.resolve(old);
  await roster.relist();
  assert.deepEqual(ids(roster), []);
  bucket.list = list;
  renew(bucket, 1, { instance: "new" });
  assert.deepEqual(ids(roster), [1], "a new life is welcome");
  await roster.close();
});

Deno.test("a list that is older than the watch drops nobody who was seen lately", async () => {
  const { bucket, roster } = await setUp([1]);
  bucket.list = () => Promise.resolve([]);
  await roster.relist();
  assert.deepEqual(ids(roster), [1]);
  await roster.close();
});

Deno.test("what happened while the watch was lost is seen after it", async () => {
  const { clock, bucket, roster, told } = await setUp([1]);
  bucket.loseWatches(timeout());
  assert.equal(told.errors, 1);
  renew(bucket, 1, { leaving: true });
  renew(bucket, 3);
  await clock.advance(200);
  assert.deepEqual(ids(roster), [1, 3]);
  assert.equal(roster.members[0]?.record.leaving, true);
  await roster.close();
});

Deno.test("a watch that has gone quiet is made up for by the listing", async () => {
  const { clock, bucket, roster } = await setUp([1]);
  bucket.watch = () => Promise.reject(timeout());
  bucket.loseWatches(timeout());
  renew(bucket, 2);
  await clock.advance(RELIST_MS);
  assert.deepEqual(ids(roster), [1, 2]);
  await roster.close();
});

Deno.test("in a bucket made anew, where revisions begin again, everybody is seen again", async () => {
  const { clock, bucket, roster } = await setUp([1, 2]);
  for (let i = 0; i < 10; i++) renew(bucket, 1);
  bucket.remake();
  renew(bucket, 1, { instance: "rejoined" });
  await clock.advance(200);
  assert.equal(roster.members[0]?.record.instance, "rejoined");
  const lost = roster.members[1]!;
  assert.equal(await roster.evict(lost), true, "who is not in the new one is gone");
  assert.deepEqual(ids(roster), [1]);
  await roster.close();
});

Deno.test("an entry that cannot be understood is nobody", async () => {
  const { bucket, roster } = await setUp([1]);
  bucket.poke(workerKey(2), { v: 2 });
  bucket.poke("worker.x", record(3));
  assert.deepEqual(ids(roster), [1]);
  bucket.poke(workerKey(1), "nonsense");
  assert.deepEqual(ids(roster), []);
  await roster.close();
});

Deno.test("closed, it says nothing more and leaves nothing behind", async () => {
  const { clock, bucket, roster, told } = await setUp([1]);
  const { promise, resolve } = Promise.withResolvers<void>();
  bucket.before = (operation) => operation === "list" ? promise : undefined;
  await clock.advance(RELIST_MS);
  const { changes, errors } = told;
  await roster.close();
  bucket.after = () => Promise.reject(timeout());
  resolve();
  renew(bucket, 5);
  await clock.advance(10 * RELIST_MS);
  assert.deepEqual(told, { changes, errors });
  assert.equal(clock.pendingTimers, 0);
  assert.equal(bucket.watchCount, 0);
});

Deno.test("a thousand lives on one number leave one member and no memory of the others", async () => {
  const { clock, bucket, roster } = await setUp();
  for (let life = 0; life < 1_000; life++) {
    renew(bucket, 1, { instance: `life-${life}` });
    if (life % 100 === 0) await clock.advance(TTL_MS + 2);
  }
  assert.deepEqual(roster.members.map((member) => member.record.instance), ["life-999"]);
  assert.equal(clock.pendingTimers, 2);
  await roster.close();
});
