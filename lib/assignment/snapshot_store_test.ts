import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isPartiError, type PartiErrorCode } from "../errors.ts";
import { FakeBucket } from "../membership/fake_bucket_test.ts";
import { chunkKey, CURRENT_KEY } from "../names.ts";
import { natsTest } from "../test_support/rig.ts";
import { chunkNamed, inForce, plainKey } from "./leader/leader_rig_test.ts";
import { large, openBucket } from "./leader/publication_rig_test.ts";
import { encodeSnapshot, type Snapshot } from "./snapshot.ts";
import { changeBetween, encodeChange } from "./snapshot_change.ts";
import { CHUNK_BYTES, encodePointer, partFor, partsOf } from "./snapshot_parts.ts";
import {
  LAYOUT,
  layoutFor,
  readSnapshot,
  sharedEntry,
  type StoredSnapshot,
  writeAgain,
  writeSnapshot,
} from "./snapshot_store.ts";

natsTest("snapshot store: from a few bytes to several times a message's limit", async (rig) => {
  const bucket = await openBucket(rig);
  let revision: number | undefined;
  for (const [generation, bytes] of [1_000, CHUNK_BYTES + 1_000, 1_300_000, 4_000_000].entries()) {
    const snapshot = large(bytes, 1, generation);
    const written = await writeSnapshot(bucket, snapshot, { revision });
    revision = written.revision;
    assert.equal(written.parts.length > 0, bytes > LAYOUT.wholeBytes);
    assert.deepEqual(await inForce(bucket), snapshot);
  }
});

Deno.test("snapshot store: the pointer comes last, so a writer that dies midway changes nothing", async () => {
  const bucket = new FakeBucket();
  await writeSnapshot(bucket, large(1_000));
  const before = await inForce(bucket);
  bucket.before = (operation) => {
    if (operation === "update") throw new Error("killed");
  };
  const { revision } = bucket.peek(CURRENT_KEY)!;
  await assert.rejects(writeSnapshot(bucket, large(600_000, 1, 2), { revision }));
  assert.ok(bucket.peek(chunkNamed(bucket, "chunk.1.2.0")) !== undefined);
  assert.deepEqual(await inForce(bucket), before);
});

Deno.test("snapshot store: those who read the same share it, and nobody can change it for the others", async () => {
  const [bucket, other] = [new FakeBucket(), new FakeBucket()];
  const read = async (from: FakeBucket) => await readSnapshot(from, from.peek(CURRENT_KEY)!);
  for (const each of [bucket, other]) await writeSnapshot(each, large(1_000));
  const snapshot = await read(bucket);
  assert.equal(await read(other), snapshot);
  assert.throws(() => Object.assign(snapshot, { epoch: 9 }), TypeError);
  assert.throws(() => Object.assign(snapshot.weights, { a: 9 }), TypeError);
  assert.throws(() => (snapshot.workers[0]!.partitions as string[]).push("mine"), TypeError);
  const [one, same] = [bucket, other].map((from) => sharedEntry({ ...from.peek(CURRENT_KEY)! }));
  assert.equal(one!.value, same!.value);
  await writeSnapshot(other, large(1_000, 1, 2), other.peek(CURRENT_KEY)!);
  const newer = other.peek(CURRENT_KEY)!;
  assert.equal(sharedEntry(newer), newer);
  assert.deepEqual(await read(other), large(1_000, 1, 2));
  assert.deepEqual(await read(bucket), large(1_000));
});

/** Ten workers with forty partitions each, of which each generation moves one to the first of them. */
function moving(generation: number, epoch = 1): Snapshot {
  const workers = Array.from({ length: 10 }, (_, w) => ({
    id: `worker-${w}`,
    instance: `i${w}`,
    partitions: Array.from({ length: 40 }, (_, n) => `${w * 40 + n}`.padStart(60, "x")),
  }));
  for (let n = 0; n < generation; n++) {
    workers[0]!.partitions.push(workers[1 + n % 9]!.partitions.shift()!);
  }
  workers[0]!.partitions.sort();
  return { ...large(0, epoch, generation), workers };
}

/** Writes snapshots one after the other, as one leader does. */
async function writeAll(
  bucket: FakeBucket,
  snapshots: readonly Snapshot[],
): Promise<StoredSnapshot[]> {
  const all: StoredSnapshot[] = [];
  for (const snapshot of snapshots) {
    const revision = bucket.peek(CURRENT_KEY)?.revision;
    const { parts } = await writeSnapshot(bucket, snapshot, { revision, before: all.at(-1) });
    all.push({ snapshot, parts });
  }
  return all;
}

/** Reads `current`, and says which keys were read for it. */
async function readWith(
  bucket: FakeBucket,
  known?: Snapshot,
): Promise<{ snapshot: Snapshot; keys: string[] }> {
  const count = bucket.log.length;
  const snapshot = await readSnapshot(bucket, bucket.peek(CURRENT_KEY)!, known);
  return {
    snapshot,
    keys: bucket.log.slice(count).map((line) => plainKey(line.replace("get ", ""))),
  };
}

Deno.test("snapshot store: whoever knows one of the parts reads those after it, and nobody else's", async () => {
  const bucket = new FakeBucket();
  const all = await writeAll(bucket, [0, 1, 2, 3].map((generation) => moving(generation)));
  const now = moving(3);
  const keys = [0, 1, 2, 3].map((generation) => `chunk.1.${generation}.0`);
  assert.deepEqual(all.map(({ parts }) => parts.length), [1, 2, 3, 4]);
  const knowing = await Promise.all(all.map(({ snapshot }) => readWith(bucket, snapshot)));
  for (const [n, known] of all.entries()) {
    const read = await readWith(bucket, known.snapshot);
    assert.deepEqual(read, { snapshot: now, keys: keys.slice(n + 1) });
    // Those whose part has not changed need no memory of their own.
    assert.equal(read.snapshot.workers[9], known.snapshot.workers[9]);
    assert.deepEqual(knowing[n]!.snapshot, now);
  }
  // Nothing at all; a generation of another epoch; an epoch with another generation; something newer.
  const strange = [undefined, moving(2, 2), moving(7), { ...moving(0), epoch: 0 }];
  for (const known of strange) {
    assert.deepEqual(await readWith(bucket, known), { snapshot: now, keys });
  }
});

Deno.test("snapshot store: what a process has followed goes, but for the latest", async () => {
  const bucket = new FakeBucket();
  const seen: WeakRef<Snapshot>[] = [];
  let stored: StoredSnapshot | undefined;
  let known: Snapshot | undefined;
  for (let generation = 0; generation < 40; generation++) {
    const snapshot = moving(generation);
    const revision = bucket.peek(CURRENT_KEY)?.revision;
    const { parts } = await writeSnapshot(bucket, snapshot, { revision, before: stored });
    stored = { snapshot, parts };
    known = await readSnapshot(bucket, bucket.peek(CURRENT_KEY)!, known);
    seen.push(new WeakRef(known));
  }
  const left = () => seen.filter((ref) => ref.deref() !== undefined).length;
  setFlagsFromString("--expose-gc");
  const gc: () => void = runInNewContext("gc");
  // What was dereferenced in a turn stays until its end.
  for (let turn = 0; turn < 10 && left() > 10; turn++) {
    await new Promise((resolve) => setTimeout(resolve));
    gc();
  }
  assert.ok(left() <= 10, `${left()} of ${seen.length} are still there`);
  assert.equal(known?.generation, 39);
});

Deno.test("snapshot store: what does not fit what is known is read from the first part on", async () => {
  const bucket = new FakeBucket();
  await writeAll(bucket, [moving(0), moving(1)]);
  // It says that it is what the change is made for, and is not.
  const known = moving(5);
  const read = await readWith(bucket, { ...known, generation: 0 });
  assert.deepEqual(read.snapshot, moving(1));
  assert.deepEqual(read.keys, ["chunk.1.1.0", "chunk.1.0.0", "chunk.1.1.0"]);
  // If it does not fit that either, it is none.
  const misfit = changeBetween(moving(4), { ...moving(5), generation: 1 });
  const text = new TextEncoder().encode(encodeChange(misfit));
  const part = partFor({ epoch: 1, generation: 1 }, text);
  await bucket.put(chunkKey(part, 0), text);
  const [whole] = partsOf(bucket.peek(CURRENT_KEY)!);
  bucket.poke(CURRENT_KEY, JSON.parse(new TextDecoder().decode(encodePointer([whole!, part]))));
  await rejected(readWith(bucket), "PARTI_INVALID_ASSIGNMENT");
  await rejected(readWith(bucket, moving(0)), "PARTI_INVALID_ASSIGNMENT");
});

Deno.test("snapshot store: a part that is missing is missed by whoever needs it", async () => {
  const bucket = new FakeBucket();
  const all = await writeAll(bucket, [0, 1, 2].map((generation) => moving(generation)));
  await bucket.remove(chunkNamed(bucket, "chunk.1.1.0"));
  await rejected(readWith(bucket), "PARTI_NOT_FOUND");
  await rejected(readWith(bucket, all[0]!.snapshot), "PARTI_NOT_FOUND");
  assert.deepEqual((await readWith(bucket, all[1]!.snapshot)).snapshot, moving(2));
});

Deno.test("snapshot store: a new whole once there are many parts, or much has changed, or little is left", async () => {
  const bucket = new FakeBucket();
  const count = LAYOUT.partsMax + 2;
  const all = await writeAll(bucket, Array.from({ length: count }, (_, n) => moving(n)));
  assert.deepEqual(all.map(({ parts }) => parts.length).slice(-3), [LAYOUT.partsMax, 2, 3]);
  assert.deepEqual((await readWith(bucket)).snapshot, moving(count - 1));
  // The new whole is what all had: they need nothing but what has changed since.
  const following = new FakeBucket();
  const [, , known] = (await writeAll(following, all.slice(0, -1).map((one) => one.snapshot)))
    .slice(-4);
  const { snapshot, keys } = await readWith(following, known!.snapshot);
  assert.deepEqual([snapshot, keys], [moving(count - 2), [`chunk.1.${count - 2}.0`]]);
  // Everything is somebody else's.
  const last = moving(count - 1);
  const turned = last.workers.map((worker, n) => ({
    ...worker,
    partitions: last.workers[(n + 1) % 10]!.partitions,
  }));
  const next = { ...last, generation: count, workers: turned };
  const small = { ...large(1_000), generation: count + 1 };
  const more = await writeAll(new FakeBucket(), [last, next, small]);
  assert.deepEqual(more.map(({ parts }) => parts.length), [1, 1, 0]);
  // One that is larger than what lies whole only by what its text has beside names.
  const edge = { ...moving(0), workers: moving(0).workers.slice(0, 6) };
  const near = [0, 1].map((generation) => ({ ...edge, generation, atMs: generation }));
  const layout = {
    ...LAYOUT,
    wholeBytes: new TextEncoder().encode(encodeSnapshot(edge)).length - 1,
  };
  const bucket2 = new FakeBucket();
  const one = await writeSnapshot(bucket2, near[0]!, { layout });
  const before = { snapshot: near[0]!, parts: one.parts };
  const two = await writeSnapshot(bucket2, near[1]!, { ...one, before, layout });
  assert.equal(two.parts.length, 2);
});

Deno.test("snapshot store: what is written again stays the same", async () => {
  for (const snapshots of [[large(1_000)], [moving(0), moving(1)]]) {
    const bucket = new FakeBucket();
    const stored = (await writeAll(bucket, snapshots)).at(-1)!;
    const { value, revision } = bucket.peek(CURRENT_KEY)!;
    const again = await writeAgain(bucket, stored, revision);
    assert.deepEqual(bucket.peek(CURRENT_KEY), { ...bucket.history.at(-1)!, value });
    assert.deepEqual(again, { revision: revision + 1, parts: stored.parts });
    assert.equal((await writeAgain(bucket, stored, revision)).revision, undefined);
  }
});

Deno.test("snapshot store: what was made of a shared whole is shared as well", async () => {
  const [bucket, other] = [new FakeBucket(), new FakeBucket()];
  for (const each of [bucket, other]) await writeAll(each, [moving(0), moving(1)]);
  const { snapshot } = await readWith(bucket);
  assert.equal((await readWith(other)).snapshot, snapshot);
  assert.throws(() => (snapshot.workers[0]!.partitions as string[]).push("mine"), TypeError);
});

Deno.test("snapshot store: a place that misbehaves keeps small ones in parts, in few of them now and then", () => {
  assert.equal(layoutFor(() => false), LAYOUT);
  const [many, few] = [false, true].map((isFew) =>
    layoutFor((site) => site === "stored-in-parts" || isFew)
  );
  assert.deepEqual([many!.wholeBytes, many!.partsMax, few!.partsMax], [0, LAYOUT.partsMax, 3]);
});

function rejected(promise: Promise<unknown>, code: PartiErrorCode): Promise<void> {
  return assert.rejects(promise, (error) => isPartiError(error, code));
}
