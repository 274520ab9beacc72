import assert from "node:assert/strict";
import { FakeBucket, timeout } from "../../membership/fake_bucket_test.ts";
import { CURRENT_KEY } from "../../names.ts";
import type { KvBucket } from "../../ports/kv.ts";
import { inForce, TestTerm } from "./leader_rig_test.ts";
import { Publication } from "./publication.ts";
import { next, refuses } from "./publication_rig_test.ts";
import type { Snapshot } from "../snapshot.ts";

const LEADER = { worker: "worker-0", instance: "i0" };
const OTHER = { worker: "worker-1", instance: "i1" };

function claim(
  bucket: KvBucket,
  epoch: number,
  leader = LEADER,
  more: { remembered?: Snapshot; acceptLoss?: boolean; term?: TestTerm } = {},
): Promise<Publication> {
  return Publication.claim({
    bucket,
    leader,
    term: new TestTerm(epoch),
    nowMs: 1,
    ...more,
  });
}

Deno.test("publication: the first leader begins at generation 0, its successors go on, row 65", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  assert.equal(first.snapshot.generation, 0);
  await first.publish(next(first, ["a"], ["b"]));
  const second = await claim(bucket, 9, OTHER);
  assert.equal(second.snapshot.epoch, 9);
  assert.equal(second.snapshot.generation, 1);
  assert.deepEqual(second.snapshot.workers, first.snapshot.workers);
  assert.deepEqual((await inForce(bucket)).leader, OTHER);
});

Deno.test("publication: after the claim of a new leader the old one's write fails, W-14", async () => {
  const bucket = new FakeBucket();
  const old = await claim(bucket, 5);
  await claim(bucket, 9, OTHER);
  await refuses(old.publish(next(old, ["a"])), "PARTI_STALE_EPOCH");
  assert.equal((await inForce(bucket)).generation, 0);
});

Deno.test("publication: an old leader cannot claim against a newer one", async () => {
  const bucket = new FakeBucket();
  await claim(bucket, 9, OTHER);
  const term = new TestTerm(5);
  term.confirmed = false;
  await refuses(claim(bucket, 5, LEADER, { term }), "PARTI_NOT_LEADER");
  assert.equal((await inForce(bucket)).epoch, 9);
});

Deno.test("publication: a term that ends during the claim writes nothing, W-13", async () => {
  const bucket = new FakeBucket();
  const term = new TestTerm(5);
  bucket.before = (operation) => {
    if (operation === "get") term.valid = false;
  };
  await refuses(claim(bucket, 5, LEADER, { term }), "PARTI_NOT_LEADER");
  assert.equal(bucket.history.length, 0);
});

Deno.test("publication: a lost lease bucket counts anew, the epoch grows nevertheless, W-15", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5_000);
  await first.publish(next(first, ["a"]));
  const term = new TestTerm(3);
  const second = await claim(bucket, 3, OTHER, { term });
  assert.equal(term.confirmations, 1);
  assert.equal(second.snapshot.epoch, 5_001);
  const third = await claim(bucket, 4, LEADER);
  assert.equal(third.snapshot.epoch, 5_002);
  assert.equal(third.snapshot.generation, 1);
});

Deno.test("publication: a lost assignment bucket goes on from what is remembered, W-15", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  await first.publish(next(first, ["a"]));
  bucket.remake();
  await refuses(first.publish(next(first, ["b"])), "PARTI_STALE_EPOCH");
  const again = await claim(bucket, 5, LEADER, { remembered: first.snapshot });
  assert.equal(again.snapshot.epoch, 6);
  assert.equal(again.snapshot.generation, 1);
  assert.deepEqual(again.snapshot.workers, first.snapshot.workers);
});

Deno.test("publication: what is stored and newer outweighs what is remembered", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  const remembered = first.snapshot;
  await first.publish(next(first, ["a"]));
  const second = await claim(bucket, 9, OTHER, { remembered });
  assert.equal(second.snapshot.generation, 1);
});

Deno.test("publication: a write whose answer never came is found, whatever was to come next", async () => {
  const bucket = new FakeBucket();
  const pen = await claim(bucket, 5);
  const lost = next(pen, ["a"], ["b"]);
  bucket.after = (operation) => {
    if (operation === "update") throw timeout();
  };
  await refuses(pen.publish(lost), "PARTI_TIMEOUT");
  bucket.after = () => {};
  // Somebody has died meanwhile, and the next try says something else: never with the same number.
  const other = next(pen, ["a", "b"]);
  assert.ok(other.generation > lost.generation);
  const result = await pen.publish(other);
  assert.deepEqual(result, lost);
  assert.deepEqual(pen.snapshot, await inForce(bucket));
  const third = next(pen, ["a", "b"]);
  assert.equal(await pen.publish(third), third);
  assert.deepEqual(await inForce(bucket), third);
});

Deno.test("publication: a write that was not applied is simply written again", async () => {
  const bucket = new FakeBucket();
  const pen = await claim(bucket, 5);
  bucket.before = (operation) => {
    if (operation === "update") throw timeout();
  };
  await refuses(pen.publish(next(pen, ["a"])), "PARTI_TIMEOUT");
  bucket.before = () => {};
  const again = next(pen, ["b"]);
  assert.equal(await pen.publish(again), again);
  assert.deepEqual(await inForce(bucket), again);
});

Deno.test("publication: a doubt is ended: what was applied is found, and what was not never will be", async () => {
  for (const isApplied of [true, false]) {
    const bucket = new FakeBucket();
    const pen = await claim(bucket, 5);
    const { snapshot } = pen;
    const lost = next(pen, ["a"], ["b"]);
    const late = { revision: (await bucket.get(CURRENT_KEY))!.revision };
    bucket[isApplied ? "after" : "before"] = (operation) => {
      if (operation === "update") throw timeout();
    };
    await refuses(pen.publish(lost), "PARTI_TIMEOUT");
    bucket.after = bucket.before = () => {};
    assert.equal(pen.inDoubt, true);
    assert.deepEqual(await pen.settle(), isApplied ? lost : snapshot);
    assert.equal(pen.inDoubt, false);
    assert.deepEqual(await inForce(bucket), pen.snapshot);
    // It has been under way for all this time.
    await refuses(bucket.update(CURRENT_KEY, new Uint8Array(1), late.revision), "PARTI_CONFLICT");
    const third = next(pen, ["a", "b"]);
    assert.ok(third.generation > lost.generation);
    assert.equal(await pen.publish(third), third);
  }
});

Deno.test("publication: one generation never has two contents, however writes fail", async () => {
  const contents = new Map<string, string>();
  const bucket = new FakeBucket();
  let turn = 0;
  const fail = (operation: string, at: number) => {
    if (operation === "update" && turn++ % 3 === at) throw timeout();
  };
  bucket.before = (operation) => fail(operation, 0);
  bucket.after = (operation) => fail(operation, 2);
  const pen = await claim(bucket, 5);
  for (let n = 0; n < 50; n++) await pen.publish(next(pen, [`p${n}`])).catch(() => {});
  for (const entry of bucket.history) {
    const text = new TextDecoder().decode(entry.value);
    const { epoch, generation } = JSON.parse(text);
    const name = `${epoch}.${generation}`;
    assert.equal(contents.get(name) ?? text, text);
    contents.set(name, text);
  }
  assert.ok(contents.size > 10);
});

Deno.test("publication: skipped or repeated generations are a bug", async () => {
  const pen = await claim(new FakeBucket(), 5);
  await refuses(pen.publish(pen.snapshot), "PARTI_INVARIANT");
  await refuses(pen.publish({ ...next(pen, ["a"]), epoch: 6 }), "PARTI_INVARIANT");
});

Deno.test("publication: an assignment that is not understood is not overwritten", async () => {
  const bucket = new FakeBucket();
  bucket.poke(CURRENT_KEY, { v: 2, future: true });
  await refuses(claim(bucket, 5), "PARTI_INVALID_ASSIGNMENT");
  assert.equal(bucket.history.length, 1);
});

Deno.test("publication: a chunk that is lost for good costs the owners, not the group", async () => {
  const bucket = new FakeBucket();
  const lost = { epoch: 5, generation: 7, hash: "0".repeat(16), chunks: 2, bytes: 300_000 };
  bucket.poke(CURRENT_KEY, { v: 1, epoch: 5, generation: 7, parts: [lost] });
  await refuses(claim(bucket, 9), "PARTI_NOT_FOUND");
  const pen = await claim(bucket, 9, LEADER, { acceptLoss: true });
  assert.equal(pen.snapshot.epoch, 9);
  assert.equal(pen.snapshot.generation, 8);
  assert.deepEqual(pen.snapshot.workers, []);
});

Deno.test("publication: stale reads during a claim end in a retry, not in a wrong base", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  const stale = bucket.peek(CURRENT_KEY)!;
  await first.publish(next(first, ["a"]));
  bucket.readAs = () => stale;
  await refuses(claim(bucket, 9, OTHER), "PARTI_CONFLICT");
  bucket.readAs = (entry) => entry;
  assert.equal((await claim(bucket, 9, OTHER)).snapshot.generation, 1);
});
