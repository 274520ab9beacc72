/**
 * Assignments far larger than a message may be: they travel in parts, and count only when all of them are there.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Partition } from "../assignment/partition.ts";
import { compareSnapshots } from "../assignment/snapshot.ts";
import { hasPart, partsOf, type StoredPart } from "../assignment/snapshot_parts.ts";
import { assignmentBucket, chunkKey, CURRENT_KEY, partOfKey } from "../names.ts";
import type { KvBucket } from "../ports/kv.ts";
import { changedBuckets } from "../test_support/changed_world.ts";
import { Cluster, type Member } from "../test_support/cluster.ts";
import { natsTest, until } from "../test_support/rig.ts";

const MESSAGE_MAX = 1_048_576;

/** Partitions with names that fill much space. */
function longNamed(count: number): Partition[] {
  return Array.from({ length: count }, (_, n) => ({ keys: [`${n}-`.padEnd(120, "x")] }));
}

/** A group without streams whose publications are too large to be watched at their key. */
async function openLarge(rig: Parameters<typeof Cluster.open>[0], count: number): Promise<Cluster> {
  const cluster = await Cluster.open(rig, { idle: true });
  await cluster.publications.close();
  cluster.setPartitions(longNamed(count));
  return cluster;
}

/** Waits until these are Stable and hold all partitions, each once and about as many. */
async function untilShared(members: readonly Member[], count: number): Promise<void> {
  const counts = () => members.map(({ manager }) => manager.assignment?.partitions.length ?? 0);
  await until("all is shared", () => {
    const ids = new Set(
      members.flatMap(({ manager }) => manager.assignment?.partitions.map(({ keys }) => keys[0])),
    );
    return members.every(({ manager }) => manager.state === "Stable") && ids.size === count &&
      counts().reduce((a, b) => a + b) === count &&
      Math.max(...counts()) - Math.min(...counts()) < 2;
  }, 20_000);
}

async function assignments(cluster: Cluster): Promise<KvBucket> {
  const options = { ttlMs: 0, replicas: 1, storage: "file" } as const;
  return await cluster.world.kv.open(assignmentBucket(cluster.group), options);
}

natsTest(
  "an assignment of more than a megabyte: a group starts, grows, and loses its leader with it; who comes and goes then is all that is read",
  async (rig) => {
    const count = 12_000;
    await using cluster = await openLarge(rig, count);
    const members = await cluster.add(2);
    await untilShared(members, count);
    const bucket = await assignments(cluster);
    const parts = await bucket.list("chunk.>");
    const bytes = parts.reduce((sum, { value }) => sum + value.length, 0);
    assert.ok(bytes > MESSAGE_MAX, `${bytes} bytes`);
    members.push(...await cluster.add(1));
    await untilShared(members, count);
    await cluster.kill(cluster.leader);
    await untilShared(cluster.running, count);

    // Of many workers each has a small part, so that little moves when one comes or goes.
    const reads: string[] = [];
    const { world } = await rig.connect();
    const counting = changedBuckets(world, (real) => ({
      get: (key) => {
        if (key.startsWith("chunk.")) reads.push(key);
        return real.get(key);
      },
    }));
    const [reader] = await cluster.add(1, { world: counting });
    await cluster.add(5);
    await untilShared(cluster.running, count);
    reads.length = 0;
    const known = await pointer(bucket);
    await cluster.add(1);
    await untilShared(cluster.running, count);
    await cluster.kill(cluster.followers.find((member) => member !== reader)!);
    await untilShared(cluster.running, count);
    const now = await pointer(bucket);
    assert.ok(now.length > 1 && !reader!.manager.isLeader, `${now.length} parts`);
    assert.equal(new Set(reads).size, reads.length, "nothing is read twice");
    const whole = chunkKey(now[0]!, 0);
    assert.equal(reads.includes(whole), !hasPart(known, now[0]!), "what is known is not read");
    // Whoever leads next goes on from there.
    await cluster.kill(cluster.leader);
    await untilShared(cluster.running, count);
  },
);

/** The parts of the assignment in force. */
async function pointer(bucket: KvBucket): Promise<readonly StoredPart[]> {
  return partsOf((await bucket.get(CURRENT_KEY))!);
}

natsTest(
  "a leader dies between the parts of an assignment and its word that it counts: it never counts, the next one's does, and the parts go",
  async (rig) => {
    const count = 3_000;
    await using cluster = await openLarge(rig, count);
    const { world, nc } = await rig.connect();
    let isDying = false;
    let hasDied = false;
    const mortal = changedBuckets(
      world,
      (real) =>
        real.name !== assignmentBucket(cluster.group) ? {} : {
          update: (...args) => {
            if (!isDying) return real.update(...args);
            hasDied = true;
            return new Promise(() => {});
          },
        },
    );
    const [leader] = await cluster.add(1, { world: mortal });
    const others = await cluster.add(2);
    await untilShared([leader!, ...others], count);
    const bucket = await assignments(cluster);
    const before = await bucket.get(CURRENT_KEY);
    isDying = true;
    const joining = cluster.add(1);
    await until("its parts are there, and it is about to say so", () => hasDied);
    const counting = partsOf(before!);
    const orphans = (await bucket.list("chunk.>")).map(({ key }) => key)
      .filter((key) => !hasPart(counting, partOfKey(key)!));
    assert.equal((await bucket.get(CURRENT_KEY))!.revision, before!.revision);
    for (const { manager } of others) {
      assert.equal(manager.assignment!.partitions.length, count / 3, "nobody follows it");
    }
    await nc.close();
    await cluster.kill(leader!);
    const [newcomer] = await joining;
    await untilShared([...others, newcomer!], count);
    // What counts is kept, and what counted before it, which somebody may be reading still.
    const left = async () => (await bucket.list("chunk.>")).map(({ key }) => key);
    await until(
      "the dead leader's parts are gone",
      async () => !(await left()).some((key) => orphans.includes(key)),
    ).catch(async (error) => {
      const errors = cluster.members.map((member) => member.errors.map(String));
      assert.fail(`${error}: ${await left()} ${JSON.stringify(errors)}`);
    });
    assert.ok(orphans.some((key) => compareSnapshots(partOfKey(key)!, counting.at(-1)!) > 0));
  },
);
