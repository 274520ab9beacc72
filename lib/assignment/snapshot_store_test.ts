import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import { isPartiError, type PartiErrorCode } from "../errors.ts";
import { FakeBucket } from "../membership/fake_bucket_test.ts";
import { CURRENT_KEY } from "../names.ts";
import type { KvBucket } from "../ports/kv.ts";
import { streamOf } from "../ports/nats/kv_format.ts";
import { natsTest, type Rig } from "../test_support/rig.ts";
import { inForce, TestTerm } from "./leader/leader_rig_test.ts";
import { type ClaimOptions, Publication } from "./leader/publication.ts";
import { type Snapshot, weightTable } from "./snapshot.ts";
import { CHUNK_BYTES, readSnapshot, sharedEntry, writeSnapshot } from "./snapshot_store.ts";

function large(bytes: number, epoch = 1, generation = 1): Snapshot {
  const count = Math.ceil(bytes / 64);
  return {
    epoch,
    generation,
    leader: { worker: "worker-0", instance: "i0" },
    reason: "refresh",
    atMs: 1,
    workers: [{
      id: "worker-0",
      instance: "i0",
      partitions: Array.from({ length: count }, (_, n) => `${generation}-${n}`.padStart(61, "x")),
    }],
    weights: weightTable([]),
  };
}

async function openBucket(rig: Rig): Promise<KvBucket> {
  const { world } = await rig.connect();
  return await world.kv.open("assignments", { ttlMs: 0, replicas: 1, storage: "memory" });
}

/** How many messages the bucket's stream holds: values, and markers of removals. */
async function messageCount(rig: Rig): Promise<number> {
  const { world } = await rig.connect();
  return (await world.feed.streamInfo(streamOf("assignments"))).messages;
}

async function chunkKeys(bucket: KvBucket): Promise<string[]> {
  return (await bucket.list("chunk.>")).map((entry) => entry.key).sort();
}

natsTest("snapshot store: from a few bytes to several times a message's limit", async (rig) => {
  const bucket = await openBucket(rig);
  let revision: number | undefined;
  for (const [generation, bytes] of [1_000, CHUNK_BYTES + 1_000, 1_300_000, 4_000_000].entries()) {
    const snapshot = large(bytes, 1, generation);
    const written = await writeSnapshot(bucket, snapshot, revision);
    revision = written.revision;
    assert.equal(written.chunks.count > 0, bytes > CHUNK_BYTES);
    assert.deepEqual(await inForce(bucket), snapshot);
  }
});

natsTest("snapshot store: chunks are collected once they are no longer in force", async (rig) => {
  const bucket = await openBucket(rig);
  const leader = { worker: "worker-0", instance: "i0" };
  const pen = await Publication.claim({ bucket, leader, term: new TestTerm(5), nowMs: 1 });
  for (let n = 0; n < 3; n++) {
    const snapshot = large(600_000, 5, pen.nextGeneration);
    await pen.publish(snapshot);
    // The one before may still be being read.
    const kept = n === 0 ? [1] : [n, n + 1];
    assert.deepEqual(
      await chunkKeys(bucket),
      kept.flatMap((generation) => [0, 1, 2].map((i) => `chunk.5.${generation}.${i}`)),
    );
    assert.deepEqual(await inForce(bucket), snapshot);
  }
  // A successor sweeps what its predecessors left, and nothing that is newer than its own.
  await bucket.put("chunk.4.9.0", new Uint8Array(1));
  await bucket.put("chunk.99.1.0", new Uint8Array(1));
  const successor = await Publication.claim({ bucket, leader, term: new TestTerm(9), nowMs: 1 });
  await successor.sweep();
  assert.deepEqual(await chunkKeys(bucket), [
    "chunk.9.3.0",
    "chunk.9.3.1",
    "chunk.9.3.2",
    "chunk.99.1.0",
  ]);
  assert.equal((await inForce(bucket)).workers[0]!.partitions.length, 9_375);
  // Nothing expires in this bucket: markers of what was removed would become more and more.
  assert.equal(await messageCount(rig), 4 + 1);
});

natsTest(
  "snapshot store: two leaders race, the old one always fails after the claim, W-14",
  async (rig) => {
    const bucket = await openBucket(rig);
    const other = await openBucket(rig);
    for (let round = 0; round < 8; round++) {
      const size = round % 2 === 0 ? 1_000 : CHUNK_BYTES + 1_000;
      const oldLeader = { worker: "worker-0", instance: `old-${round}` };
      const newLeader = { worker: "worker-1", instance: `new-${round}` };
      const epoch = 10 + round * 10;
      const old = await Publication.claim({
        bucket,
        leader: oldLeader,
        term: new TestTerm(epoch),
        nowMs: 1,
      });
      let isClaimed = false as boolean;
      const claiming = claimAgainstAll({
        bucket: other,
        leader: newLeader,
        term: new TestTerm(epoch + 5),
        nowMs: 1,
      }).finally(() => isClaimed = true);
      let published = 0;
      for (let n = 0; n < 12; n++) {
        const startedAfterClaim: boolean = isClaimed;
        const snapshot = { ...large(size, epoch, old.nextGeneration), leader: oldLeader };
        try {
          await old.publish(snapshot);
          assert.equal(startedAfterClaim, false, "an old leader has published after the claim");
          published = snapshot.generation;
        } catch (error) {
          assert.ok(isPartiError(error, "PARTI_STALE_EPOCH"), String(error));
          break;
        }
      }
      const pen = await claiming;
      const now = await inForce(bucket);
      assert.equal(now.leader.instance, newLeader.instance);
      // Nothing of what the old leader was told is in force was lost on the way.
      assert.ok(now.generation >= published);
      assert.deepEqual(pen.snapshot, now);
    }
  },
);

Deno.test("snapshot store: half of a snapshot is not a snapshot", async () => {
  const bucket = new FakeBucket();
  const snapshot = large(600_000);
  await writeSnapshot(bucket, snapshot, undefined);
  const entry = bucket.peek(CURRENT_KEY)!;
  const chunk = bucket.peek("chunk.1.1.1")!;
  await bucket.remove("chunk.1.1.1");
  await rejected(readSnapshot(bucket, entry), "PARTI_NOT_FOUND");
  await bucket.put("chunk.1.1.1", chunk.value.subarray(1));
  await rejected(readSnapshot(bucket, entry), "PARTI_INVALID_ASSIGNMENT");
  await bucket.put("chunk.1.1.1", chunk.value);
  assert.deepEqual(await readSnapshot(bucket, entry), snapshot);
});

Deno.test("snapshot store: the pointer comes last, so a writer that dies midway changes nothing", async () => {
  const bucket = new FakeBucket();
  await writeSnapshot(bucket, large(1_000), undefined);
  const before = await inForce(bucket);
  bucket.before = (operation) => {
    if (operation === "update") throw new Error("killed");
  };
  const { revision } = bucket.peek(CURRENT_KEY)!;
  await assert.rejects(writeSnapshot(bucket, large(600_000, 1, 2), revision));
  assert.ok(bucket.peek("chunk.1.2.0") !== undefined);
  assert.deepEqual(await inForce(bucket), before);
});

Deno.test("snapshot store: hostile pointers are refused without allocating the world", async () => {
  const bucket = new FakeBucket();
  const pointer = { v: 1, epoch: 1, generation: 1, chunks: 1, bytes: 1_000 };
  for (
    const change of [
      { chunks: 1e9 },
      { chunks: -1 },
      { chunks: 0 },
      { chunks: 1.5 },
      { chunks: "1" },
      { chunks: null },
      { bytes: 1e15 },
      { bytes: -1 },
      { bytes: undefined },
      { epoch: "x" },
      { generation: -1 },
    ]
  ) {
    bucket.poke(CURRENT_KEY, { ...pointer, ...change });
    await rejected(readSnapshot(bucket, bucket.peek(CURRENT_KEY)!), "PARTI_INVALID_ASSIGNMENT");
  }
  // A chunk that holds another snapshot than the pointer says.
  const stranger = encodeJson({ v: 1, ...large(100, 1, 2) });
  await bucket.put("chunk.1.1.0", stranger);
  bucket.poke(CURRENT_KEY, { ...pointer, bytes: stranger.length });
  await rejected(readSnapshot(bucket, bucket.peek(CURRENT_KEY)!), "PARTI_INVALID_ASSIGNMENT");
});

Deno.test("snapshot store: those who read the same share it, and nobody can change it for the others", async () => {
  const [bucket, other] = [new FakeBucket(), new FakeBucket()];
  const read = async (from: FakeBucket) => await readSnapshot(from, from.peek(CURRENT_KEY)!);
  for (const each of [bucket, other]) await writeSnapshot(each, large(1_000), undefined);
  const snapshot = await read(bucket);
  assert.equal(await read(other), snapshot);
  assert.throws(() => Object.assign(snapshot, { epoch: 9 }), TypeError);
  assert.throws(() => Object.assign(snapshot.weights, { a: 9 }), TypeError);
  assert.throws(() => (snapshot.workers[0]!.partitions as string[]).push("mine"), TypeError);
  const [one, same] = [bucket, other].map((from) => sharedEntry({ ...from.peek(CURRENT_KEY)! }));
  assert.equal(one!.value, same!.value);
  await writeSnapshot(other, large(1_000, 1, 2), other.peek(CURRENT_KEY)!.revision);
  const newer = other.peek(CURRENT_KEY)!;
  assert.equal(sharedEntry(newer), newer);
  assert.deepEqual(await read(other), large(1_000, 1, 2));
  assert.deepEqual(await read(bucket), large(1_000));
});

/** Claims as the leader does: whoever loses every compare tries again. */
async function claimAgainstAll(options: ClaimOptions): Promise<Publication> {
  while (true) {
    try {
      return await Publication.claim(options);
    } catch (error) {
      if (!isPartiError(error, "PARTI_CONFLICT", "PARTI_NOT_FOUND")) throw error;
    }
  }
}

function rejected(promise: Promise<unknown>, code: PartiErrorCode): Promise<void> {
  return assert.rejects(promise, (error) => isPartiError(error, code));
}
