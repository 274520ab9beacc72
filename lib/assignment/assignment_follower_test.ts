import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { FakeBucket, plainRandom, timeout } from "../membership/fake_bucket_test.ts";
import { chunkKey, CURRENT_KEY } from "../names.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import { natsTest, until } from "../test_support/rig.ts";
import { AssignmentFollower } from "./assignment_follower.ts";
import { plainKey, TestTerm } from "./leader/leader_rig_test.ts";
import { Publication } from "./leader/publication.ts";
import { ofOne as snapshot } from "./leader/publication_rig_test.ts";
import { encodeSnapshot } from "./snapshot.ts";
import { partFor } from "./snapshot_parts.ts";

const REREAD_MS = 12_000;

function rig() {
  const clock = new ManualClock();
  const bucket = new FakeBucket();
  const seen: string[] = [];
  const errors: unknown[] = [];
  const follower = new AssignmentFollower({
    bucket,
    clock,
    random: plainRandom(),
    rereadEveryMs: REREAD_MS,
    onSnapshot: (now, before) =>
      seen.push(`${now.epoch}.${now.generation} after ${before?.epoch}.${before?.generation}`),
    onError: (error) => errors.push(error),
  });
  return {
    clock,
    bucket,
    seen,
    errors,
    follower,
    say: (epoch: number, generation: number) =>
      bucket.poke(CURRENT_KEY, JSON.parse(encodeSnapshot(snapshot(epoch, generation)))),
    close: async () => {
      await follower.close();
      assert.equal(clock.pendingTimers, 0);
      assert.equal(bucket.watchCount, 0);
    },
  };
}

/** A snapshot in two chunks, with the second one missing. */
function pokeChunked(bucket: FakeBucket, epoch: number, generation: number): () => void {
  const data = encodeJson({ v: 1, ...snapshot(epoch, generation, ["a", "b"]) });
  const half = Math.floor(data.length / 2);
  const part = { ...partFor({ epoch, generation }, data), chunks: 2 };
  void bucket.put(chunkKey(part, 0), data.subarray(0, half));
  bucket.poke(CURRENT_KEY, { v: 1, epoch, generation, parts: [part] });
  return () => void bucket.put(chunkKey(part, 1), data.subarray(half));
}

Deno.test("follower: tells of newer snapshots in order, and never of older ones", async () => {
  const { seen, say, close, follower } = rig();
  await settle();
  const pairs: [number, number][] = [[5, 1], [5, 2], [5, 2], [5, 1], [4, 9], [9, 2], [5, 3], [
    9,
    3,
  ]];
  for (const [epoch, generation] of pairs) {
    say(epoch, generation);
    await settle();
  }
  assert.deepEqual(seen, [
    "5.1 after undefined.undefined",
    "5.2 after 5.1",
    "9.2 after 5.2",
    "9.3 after 9.2",
  ]);
  assert.equal(follower.latest?.generation, 3);
  await close();
});

Deno.test("follower: what is there at the beginning is told, and a removal changes nothing", async () => {
  const { bucket, seen, say, close } = rig();
  say(5, 1);
  await settle();
  await bucket.remove(CURRENT_KEY);
  await settle();
  assert.deepEqual(seen, ["5.1 after undefined.undefined"]);
  await close();
});

Deno.test("follower: a lost watch is opened again and nothing is missed, W-37", async () => {
  const { bucket, clock, seen, errors, say, close } = rig();
  await settle();
  say(5, 1);
  bucket.loseWatches(new PartiError("PARTI_DISCONNECTED", "gone"));
  say(5, 2);
  await settle();
  assert.equal(errors.length, 1);
  await clock.advance(1_000);
  assert.equal(seen.at(-1), "5.2 after 5.1");
  assert.equal(bucket.watchCount, 1);
  await close();
});

Deno.test("follower: a watch that cannot be opened is tried again", async () => {
  const { bucket, clock, seen, say, close } = rig();
  bucket.loseWatches(new PartiError("PARTI_DISCONNECTED", "gone"));
  let failures = 3;
  bucket.before = (operation) => {
    if (operation === "watch" && failures-- > 0) throw timeout();
  };
  await clock.advance(5_000);
  say(5, 1);
  await settle();
  assert.equal(seen.length, 1);
  await close();
});

Deno.test("follower: a watch that has gone quiet is made up for by reading", async () => {
  const { bucket, clock, seen, say, close } = rig();
  await settle();
  // A watch that is lost without a word.
  const quiet = new Set(["watch"]);
  bucket.before = (operation) => {
    if (quiet.has(operation)) throw timeout();
  };
  bucket.loseWatches(timeout());
  say(5, 1);
  await clock.advance(REREAD_MS);
  assert.equal(seen.length, 1);
  await close();
});

Deno.test("follower: a missing chunk is read again soon, without waiting for another publication", async () => {
  const { bucket, clock, seen, errors, close } = rig();
  await settle();
  const complete = pokeChunked(bucket, 5, 1);
  await clock.advance(50);
  assert.deepEqual(seen, []);
  complete();
  await clock.advance(200);
  assert.equal(seen.length, 1);
  assert.deepEqual(errors, []);
  await close();
});

Deno.test("follower: an outage that is over makes a missing chunk wait no longer", async () => {
  const { bucket, clock, say, seen, errors, close } = rig();
  await settle();
  say(5, 1);
  await settle();
  bucket.before = (operation) => {
    if (operation === "get") throw timeout();
  };
  await clock.advance(60_000);
  assert.ok(errors.length > 3);
  bucket.before = () => {};
  await clock.advance(2 * REREAD_MS);
  errors.length = 0;
  const complete = pokeChunked(bucket, 5, 2);
  await clock.advance(50);
  complete();
  await clock.advance(200);
  assert.deepEqual([seen.length, errors], [2, []]);
  await close();
});

Deno.test("follower: chunks that were collected meanwhile lead to the newer snapshot", async () => {
  const { bucket, clock, seen, say, close } = rig();
  await settle();
  pokeChunked(bucket, 5, 1);
  await settle();
  say(5, 2);
  await clock.advance(500);
  assert.deepEqual(seen, ["5.2 after undefined.undefined"]);
  await close();
});

Deno.test("follower: a chunk that cannot be read is tried again until it can", async () => {
  const { bucket, clock, seen, errors, close } = rig();
  await settle();
  bucket.before = (operation) => {
    if (operation === "get") throw timeout();
  };
  pokeChunked(bucket, 5, 1)();
  await clock.advance(3_000);
  assert.ok(errors.length > 2);
  assert.deepEqual(seen, []);
  bucket.before = () => {};
  await clock.advance(5_000);
  assert.equal(seen.length, 1);
  await close();
});

Deno.test("follower: what comes while another one is read is not lost", async () => {
  const { bucket, clock, seen, say, close } = rig();
  await settle();
  const held = Promise.withResolvers<void>();
  bucket.before = (operation) => operation === "get" ? held.promise : undefined;
  pokeChunked(bucket, 5, 1)();
  await settle();
  say(5, 2);
  say(5, 3);
  held.resolve();
  await clock.advance(1_000);
  assert.equal(seen.at(-1)?.split(" ")[0], "5.3");
  await close();
});

Deno.test("follower: what comes while a request is lost does not wait for its timeout", async () => {
  const { bucket, clock, seen, errors, close } = rig();
  await settle();
  const answers: (() => void)[] = [];
  bucket.before = (operation, key) => {
    if (operation !== "get" || !key.startsWith("chunk.5.1.")) return;
    return new Promise((resolve) => void answers.push(resolve));
  };
  pokeChunked(bucket, 5, 1)();
  await settle();
  pokeChunked(bucket, 5, 2)();
  await settle();
  assert.deepEqual(seen, ["5.2 after undefined.undefined"]);
  // The answers come after all, and are old.
  for (const answer of answers) answer();
  await clock.advance(500);
  assert.deepEqual([seen.length, errors], [1, []]);
  await close();
});

Deno.test("follower: what cannot be understood is told and does no harm", async () => {
  const { bucket, clock, seen, errors, say, close } = rig();
  await settle();
  say(5, 1);
  bucket.poke(CURRENT_KEY, { v: 9 });
  await clock.advance(1_000);
  assert.ok(isPartiError(errors[0], "PARTI_INVALID_ASSIGNMENT"));
  assert.equal(errors.length, 1);
  say(5, 2);
  await settle();
  assert.equal(seen.length, 2);
  await close();
});

Deno.test("follower: a known large snapshot is not put together again at each reading", async () => {
  const { bucket, clock, seen, close } = rig();
  await settle();
  pokeChunked(bucket, 5, 1)();
  await clock.advance(500);
  assert.equal(seen.length, 1);
  const before = bucket.log.filter((line) => line.startsWith("get chunk")).length;
  await clock.advance(REREAD_MS * 5);
  assert.equal(bucket.log.filter((line) => line.startsWith("get chunk")).length, before);
  await close();
});

Deno.test("follower: of a large assignment it reads what is new, and at rest the pointer alone", async () => {
  const { bucket, clock, seen, errors, follower, close } = rig();
  await settle();
  const layout = { wholeBytes: 0, partsMax: 4, changesShare: Infinity };
  const leader = { worker: "worker-0", instance: "i0" };
  const pen = await Publication.claim({ bucket, leader, term: new TestTerm(5), nowMs: 1, layout });
  await settle();
  for (let n = 1; n < 6; n++) {
    const count = bucket.log.length;
    await pen.publish(snapshot(5, n, ["a", `p${n}`]));
    await settle();
    const reads = bucket.log.slice(count).filter((line) => line.startsWith("get "));
    // Its own part is new; after a new whole there is no other.
    assert.deepEqual(reads.map(plainKey), [`get chunk.5.${n}.0`]);
    assert.deepEqual(follower.latest, pen.snapshot);
  }
  const count = bucket.log.length;
  await clock.advance(REREAD_MS * 5);
  const reads = bucket.log.slice(count);
  assert.ok(reads.length >= 5 && reads.every((line) => line === `get ${CURRENT_KEY}`));
  assert.deepEqual([seen.length, errors], [6, []]);
  await close();
});

Deno.test("follower: tells nothing after its end, whatever is under way", async () => {
  const { bucket, clock, seen, close } = rig();
  await settle();
  const held = Promise.withResolvers<void>();
  bucket.before = (operation) => operation === "get" ? held.promise : undefined;
  pokeChunked(bucket, 5, 1)();
  await settle();
  await close();
  held.resolve();
  await settle();
  await clock.advance(REREAD_MS);
  assert.deepEqual(seen, []);
  assert.equal(clock.pendingTimers, 0);
});

natsTest(
  "follower: sees every leader's last word on a real server, small and large",
  async (rig) => {
    const options = { ttlMs: 0, replicas: 1, storage: "memory" } as const;
    const writer = (await rig.connect()).world;
    const reader = (await rig.connect()).world;
    const bucket = await writer.kv.open("assignments", options);
    const generations: number[] = [];
    const errors: unknown[] = [];
    const follower = new AssignmentFollower({
      bucket: await reader.kv.open("assignments", options),
      clock: reader.clock,
      random: reader.random,
      rereadEveryMs: REREAD_MS,
      onSnapshot: (now) => generations.push(now.generation),
      onError: (error) => errors.push(error),
    });
    const names = Array.from({ length: 6_000 }, (_, n) => `${n}`.padStart(60, "x"));
    for (let epoch = 1; epoch <= 3; epoch++) {
      const leader = { worker: "worker-0", instance: `i${epoch}` };
      const term = new TestTerm(epoch);
      const pen = await Publication.claim({ bucket, leader, term, nowMs: 1 });
      for (let n = 0; n < 5; n++) {
        const next = snapshot(epoch, pen.nextGeneration, n % 2 === 0 ? ["a"] : names);
        await pen.publish({ ...next, leader });
      }
      await until("the last word was seen", () => follower.latest?.generation === epoch * 5);
    }
    assert.deepEqual(generations, [...generations].sort((a, b) => a - b));
    assert.deepEqual(errors, []);
    await follower.close();
  },
);
