/** What only a real server can tell of publications: who wins a race, and what is left behind. */
import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import type { KvBucket } from "../../ports/kv.ts";
import { streamOf } from "../../ports/nats/kv_format.ts";
import { natsTest, type Rig } from "../../test_support/rig.ts";
import { CHUNK_BYTES } from "../snapshot_parts.ts";
import { inForce, plainKey, TestTerm } from "./leader_rig_test.ts";
import { type ClaimOptions, Publication } from "./publication.ts";
import { large, openBucket } from "./publication_rig_test.ts";

/** How many messages the bucket's stream holds: values, and markers of removals. */
async function messageCount(rig: Rig): Promise<number> {
  const { world } = await rig.connect();
  return (await world.feed.streamInfo(streamOf("assignments"))).messages;
}

async function chunkKeys(bucket: KvBucket): Promise<string[]> {
  return (await bucket.list("chunk.>")).map(({ key }) => plainKey(key)).sort();
}

natsTest("publication: chunks are collected once they are no longer in force", async (rig) => {
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
  await bucket.put(`chunk.4.9.${"0".repeat(16)}.0`, new Uint8Array(1));
  await bucket.put(`chunk.99.1.${"0".repeat(16)}.0`, new Uint8Array(1));
  const successor = await Publication.claim({ bucket, leader, term: new TestTerm(9), nowMs: 1 });
  await successor.sweep();
  // Its own part says that nothing has changed, and stands on the one before.
  assert.deepEqual(await chunkKeys(bucket), [
    "chunk.5.3.0",
    "chunk.5.3.1",
    "chunk.5.3.2",
    "chunk.9.3.0",
    "chunk.99.1.0",
  ]);
  assert.equal((await inForce(bucket)).workers[0]!.partitions.length, 9_375);
  // Nothing expires in this bucket: markers of what was removed would become more and more.
  assert.equal(await messageCount(rig), 5 + 1);
});

natsTest(
  "publication: two leaders race, the old one always fails after the claim, W-14",
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
