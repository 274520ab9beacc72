/** Publications that lie in parts: what is added to what, what is kept and what is removed, and what becomes of doubts. */
import assert from "node:assert/strict";
import { FakeBucket, timeout } from "../../membership/fake_bucket_test.ts";
import { CURRENT_KEY } from "../../names.ts";
import type { KvBucket } from "../../ports/kv.ts";
import type { Snapshot } from "../snapshot.ts";
import { decodeChange } from "../snapshot_change.ts";
import { partsOf } from "../snapshot_parts.ts";
import type { Layout } from "../snapshot_store.ts";
import { staticSource } from "../sources/static_source.ts";
import {
  assertCovered,
  chunkNamed,
  inForce,
  memoryTest,
  plainKey,
  startLeader,
  TestTerm,
} from "./leader_rig_test.ts";
import { Publication } from "./publication.ts";
import { next, refuses } from "./publication_rig_test.ts";

/** Small snapshots lie in parts, too. */
const PARTS: Layout = { wholeBytes: 0, partsMax: 4, changesShare: Infinity };

const LEADER = { worker: "worker-0", instance: "i0" };
const OTHER = { worker: "worker-1", instance: "i1" };

function claim(
  bucket: KvBucket,
  epoch: number,
  leader = LEADER,
  more: { remembered?: Snapshot; acceptLoss?: boolean } = {},
): Promise<Publication> {
  return Publication.claim({
    bucket,
    leader,
    term: new TestTerm(epoch),
    nowMs: 1,
    layout: PARTS,
    ...more,
  });
}

/** The parts of the snapshot in force, as `epoch.generation`. */
function partsIn(bucket: FakeBucket): string[] {
  return namesIn(bucket).map((name) => name.replace(/\.[0-9a-f]+$/, ""));
}

/** The same with their hashes: of one snapshot there may be a change and a whole. */
function namesIn(bucket: FakeBucket): string[] {
  return partsOf(bucket.peek(CURRENT_KEY)!).map(({ epoch, generation, hash }) =>
    `${epoch}.${generation}.${hash}`
  );
}

/** The names of the parts of which there are chunks, in the order of their names. */
async function namesLeft(bucket: FakeBucket): Promise<string[]> {
  return (await bucket.list("chunk.>")).map(({ key }) => key.slice(6, -2)).sort();
}

/** The parts of which there are chunks. */
async function partsLeft(bucket: FakeBucket): Promise<string[]> {
  const keys = (await bucket.list("chunk.>")).map(({ key }) => plainKey(key).slice(6, -2));
  return keys.sort();
}

Deno.test("publication: a new leader adds a part in which nothing changes, and goes on from there", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  await first.publish(next(first, ["a"], ["b"]));
  const second = await claim(bucket, 9, OTHER);
  assert.deepEqual(partsIn(bucket), ["5.0", "5.1", "9.1"]);
  const { changed, came, gone } = decodeChange(
    bucket.peek(chunkNamed(bucket, "chunk.9.1.0"))!.value,
  )!;
  assert.deepEqual([changed, came, gone], [[], [], []]);
  assert.deepEqual(await inForce(bucket), second.snapshot);
  await second.publish(next(second, ["a", "b"]));
  assert.deepEqual(partsIn(bucket), ["5.0", "5.1", "9.1", "9.2"]);
  assert.deepEqual(await inForce(bucket), second.snapshot);
  // The old one's word does not count any more.
  await refuses(first.publish(next(first, ["c"])), "PARTI_STALE_EPOCH");
});

Deno.test("publication: a new leader writes a new whole where there are enough parts, or it goes on from what it remembers", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  for (let n = 0; n < 3; n++) await first.publish(next(first, [`p${n}`]));
  assert.equal(partsIn(bucket).length, 4);
  const second = await claim(bucket, 9, OTHER);
  assert.deepEqual(partsIn(bucket), ["5.3", "9.3"], "the whole of what all know, and no change");
  const remembered = { ...second.snapshot, generation: 8 };
  const third = await claim(bucket, 12, LEADER, { remembered });
  assert.deepEqual(partsIn(bucket), ["12.8"]);
  assert.deepEqual(await inForce(bucket), third.snapshot);
});

Deno.test("publication: a new leader does not build on parts of which one is missing, even if it remembers", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  await first.publish(next(first, ["a"]));
  await bucket.erase(chunkNamed(bucket, "chunk.5.0.0"));
  const remembered = first.snapshot;
  await refuses(claim(bucket, 9, OTHER, { remembered }), "PARTI_NOT_FOUND");
  await claim(bucket, 9, OTHER, { remembered, acceptLoss: true });
  assert.deepEqual(partsIn(bucket), ["9.2"]);
  assert.deepEqual((await inForce(bucket)).workers, remembered.workers);
});

Deno.test("publication: parts stay as long as they are in force, and until the next publication after that", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  await first.publish(next(first, ["a"]));
  const pen = await claim(bucket, 9, OTHER);
  await bucket.put(`chunk.4.9.${"0".repeat(16)}.0`, new Uint8Array(1));
  await pen.sweep();
  assert.deepEqual(await partsLeft(bucket), ["5.0", "5.1", "9.1"]);
  for (let n = 0; n < 8; n++) {
    const before = namesIn(bucket);
    await pen.publish(next(pen, [`p${n}`], ["b"]));
    const read = [...new Set([...before, ...namesIn(bucket)])].sort();
    assert.deepEqual(await namesLeft(bucket), read);
    await pen.sweep();
    assert.deepEqual(await namesLeft(bucket), read);
    assert.deepEqual(await inForce(bucket), pen.snapshot);
  }
  // What could not be removed is removed later.
  bucket.before = (operation) => {
    if (operation === "erase") throw timeout();
  };
  for (let n = 0; n < 8; n++) await pen.publish(next(pen, [`q${n}`]));
  assert.ok((await partsLeft(bucket)).length > 8);
  bucket.before = () => {};
  const before = namesIn(bucket);
  await pen.publish(next(pen, ["last"]));
  const read = [...new Set([...before, ...namesIn(bucket)])].sort();
  assert.deepEqual(await namesLeft(bucket), read);
});

Deno.test("publication: a leader's sweep takes nothing of what is written meanwhile, by itself or by its successor", async () => {
  for (const isSuccessor of [false, true]) {
    const bucket = new FakeBucket();
    const first = await claim(bucket, 5);
    await first.publish(next(first, ["a"]));
    await first.publish(next(first, ["b"]));
    const pen = await claim(bucket, 9, OTHER);
    // The next part would be one too many: there is a new whole, of the snapshot in force.
    assert.equal(partsIn(bucket).length, PARTS.partsMax);
    const { list } = bucket;
    bucket.list = async (pattern) => {
      bucket.list = list;
      if (isSuccessor) await claim(bucket, 12);
      else await pen.publish(next(pen, ["c"]));
      return await bucket.list(pattern);
    };
    await pen.sweep();
    assert.deepEqual(partsIn(bucket), isSuccessor ? ["9.2", "12.2"] : ["9.2", "9.3"]);
    // All of it, as somebody reads it who has just come.
    assert.equal((await inForce(bucket)).generation, isSuccessor ? 2 : 3);
  }
});

Deno.test("publication: the removal of a part that was written in vain takes nothing from a later one, however late it is", async () => {
  const bucket = new FakeBucket();
  const pen = await claim(bucket, 5);
  for (let n = 0; n < 3; n++) await pen.publish(next(pen, [`p${n}`]));
  let isLost = true;
  bucket.before = (operation) => {
    if (operation === "update" && isLost) throw timeout();
  };
  await refuses(pen.publish(next(pen, ["lost"])), "PARTI_TIMEOUT");
  isLost = false;
  const removals: string[] = [];
  const { erase } = bucket;
  bucket.erase = (key) => {
    removals.push(key);
    return Promise.reject(timeout());
  };
  await pen.settle();
  bucket.erase = erase;
  await pen.publish(next(pen, ["kept"]));
  assert.ok(removals.length > 0);
  for (const key of removals) await bucket.erase(key);
  assert.deepEqual(await inForce(bucket), pen.snapshot);
});

Deno.test("publication: in parts, too, a write in doubt is found or never will be, and each part has one content", async () => {
  for (const isSettled of [true, false]) {
    const bucket = new FakeBucket();
    const fail = (every: number) => {
      let turn = 0;
      return (operation: string) => {
        if (/update|put/.test(operation) && ++turn % every === 0) throw timeout();
      };
    };
    const pen = await claim(bucket, 5);
    bucket.before = fail(7);
    bucket.after = fail(4);
    let adopted = 0;
    for (let n = 0; n < 60; n++) {
      const wanted = next(pen, [`p${n}`], [`q${n % 7}`]);
      const got = await pen.publish(wanted).catch(() => undefined);
      if (got !== undefined && got !== wanted) adopted++;
      if (isSettled && pen.inDoubt) await pen.settle().catch(() => {});
      if (!pen.inDoubt) assert.deepEqual(await inForce(bucket), pen.snapshot);
    }
    assert.ok(isSettled || adopted > 3);
    const texts = new Map<string, string>();
    for (const { key, value } of bucket.history) {
      if (!key.startsWith("chunk")) continue;
      const text = new TextDecoder().decode(value);
      assert.equal(texts.get(key) ?? text, text);
      texts.set(key, text);
    }
    assert.ok(texts.size > 40);
  }
});

Deno.test("publication: a leader that has taken over without knowing it, and then reads what was before, spoils nothing", async () => {
  const bucket = new FakeBucket();
  const first = await claim(bucket, 5);
  await first.publish(next(first, ["a"]));
  const remembered = first.snapshot;
  bucket.after = (operation) => {
    if (operation === "update") throw timeout();
  };
  await refuses(claim(bucket, 9, OTHER, { remembered }), "PARTI_TIMEOUT");
  bucket.after = () => {};
  assert.deepEqual(partsIn(bucket), ["5.0", "5.1", "9.1"]);
  // What it remembers it writes as a whole, where what is in force is a change.
  let isBehind = true;
  bucket.readAs = (entry) => {
    const seen = isBehind ? undefined : entry;
    isBehind = false;
    return seen;
  };
  const pen = await claim(bucket, 9, OTHER, { remembered });
  assert.deepEqual(partsIn(bucket), ["5.0", "5.1", "9.1", "10.1"]);
  assert.deepEqual(await inForce(bucket), pen.snapshot);
  await pen.sweep();
  assert.equal((await bucket.list("chunk.>")).length, 4);
});

memoryTest(
  "publication: what a leader wrote that did not know whether it has taken over is removed",
  async (group) => {
    const { assignments: bucket, world } = group;
    let failures = 3;
    bucket.before = (operation, key) => {
      if (operation === "create" && key === CURRENT_KEY && failures-- > 0) throw timeout();
    };
    const buggify = (site: string) => site === "stored-in-parts";
    const { leader } = startLeader({ ...world, buggify }, group, "g");
    await group.pass(5_000);
    assert.deepEqual(partsIn(bucket), ["10.0"]);
    // Each try was at another time, and says so.
    const keys = bucket.history.map(({ key }) => key).filter((key) => key.startsWith("chunk."));
    assert.equal(new Set(keys).size, 4);
    assert.deepEqual(await partsLeft(bucket), ["10.0"]);
    await leader.close();
  },
);

memoryTest(
  "leader: a chunk is lost, and who joins later cannot read the assignment: it is written anew as a whole",
  async (group) => {
    const source = staticSource(
      Array.from({ length: 400 }, (_, n) => ({ keys: [`p${n}`.padEnd(60, "x")] })),
    );
    const { told } = group.lead({ source });
    const all = [0, 1, 2, 3, 4, 5, 6, 7];
    group.join(all);
    await group.pass(2_000);
    group.apply(all, 1);
    await group.assignments.remove(chunkNamed(group.assignments, "chunk.10.1.0"));
    await group.pass(30_000);
    group.join([8]);
    await group.pass(2_000);
    group.apply(all, 2);
    assert.deepEqual(partsIn(group.assignments), ["10.1", "10.2"]);
    await refuses(group.current(), "PARTI_NOT_FOUND");
    await group.pass(10_000);
    assert.deepEqual(partsIn(group.assignments), ["10.2"]);
    assertCovered(await group.current(), 400);
    // Once is enough, and it was no publication.
    const revision = group.assignments.peek(CURRENT_KEY)!.revision;
    await group.pass(30_000);
    assert.equal(group.assignments.peek(CURRENT_KEY)!.revision, revision);
    assert.deepEqual([told.published.length, told.errors], [2, []]);
  },
);
