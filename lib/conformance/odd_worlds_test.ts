/**
 * Groups whose workers do not live in the same world: another time of day, another version, a server that refuses them consumers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { partitionId } from "../assignment/partition.ts";
import { decodeJsonObject, encodeJson } from "../codec.ts";
import { PartiError } from "../errors.ts";
import { assignmentBucket, CURRENT_KEY, leaseBucket } from "../names.ts";
import type { Clock } from "../ports/clock.ts";
import type { World } from "../ports/world.ts";
import { changedBuckets, changedFeed } from "../test_support/changed_world.ts";
import { Cluster, type Member } from "../test_support/cluster.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";

const HOUR_MS = 3_600_000;

/** A clock whose time of day can be set, as by hand or by NTP; the one on which leases live cannot. */
function settable(clock: Clock) {
  const setting = { offsetMs: 0 };
  const settableClock: Clock = {
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs() + setting.offsetMs,
    setTimer: (delayMs, fire) => clock.setTimer(delayMs, fire),
  };
  return { setting, clock: settableClock };
}

natsTest(
  "clock jumps: the time of day jumps by hours, each worker's another way, the leader's too: nothing moves, nobody is evicted, effects once",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 12, workMs: 1 });
    const settings: { offsetMs: number }[] = [];
    for (let n = 0; n < 3; n++) {
      const { world } = await rig.connect();
      const { setting, clock } = settable(world.clock);
      settings.push(setting);
      await cluster.add(1, { world: { ...world, clock } });
    }
    await cluster.untilStable();
    const { length } = cluster.publications.all;
    const instances = cluster.running.map(({ manager }) => manager.instance);
    await cluster.whilePublishing(async () => {
      for (const jumps of [[1, -1, 0], [-20, 5, 24 * 365], [0, 0, 0]]) {
        for (const [n, hours] of jumps.entries()) settings[n]!.offsetMs = hours * HOUR_MS;
        const handled = cluster.oracle.startedCount;
        const revisions = await untilRenewed(cluster);
        assert.equal(revisions, 3);
        assert.ok(cluster.oracle.startedCount > handled, "work goes on");
      }
    }, 20);
    assert.equal(cluster.publications.all.length, length);
    assert.deepEqual(cluster.running.map(({ manager }) => manager.instance), instances);
    // Also what is published while clocks disagree is taken by all.
    settings[0]!.offsetMs = -50 * HOUR_MS;
    await cluster.add(1);
    await cluster.untilStable();
    await cluster.kill(cluster.followers[0]!);
    await cluster.untilStable();
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

/** Waits until every worker's lease was renewed twice; tells how many there were. */
async function untilRenewed(cluster: Cluster): Promise<number> {
  const options = { ttlMs: 4_000, replicas: 1, storage: "file" } as const;
  const bucket = await cluster.world.kv.open(leaseBucket(cluster.group), options);
  const seen = new Map<string, Set<number>>();
  await until("all have renewed twice", async () => {
    for (const { key, revision } of await bucket.list("worker.>")) {
      seen.set(key, (seen.get(key) ?? new Set()).add(revision));
    }
    return seen.size > 0 && [...seen.values()].every((revisions) => revisions.size >= 3);
  });
  return seen.size;
}

/** A world as a later version of the library would use it that says more than this one in whatever it writes. */
async function laterWorld(rig: Rig): Promise<World> {
  const { world } = await rig.connect();
  const more = (value: Uint8Array) => {
    const said = decodeJsonObject(value)!;
    return encodeJson({ later: { zone: "eu-1", list: [1, 2] }, ...said });
  };
  return changedBuckets(world, (real) => ({
    create: (key, value) => real.create(key, more(value)),
    update: (key, value, revision) => real.update(key, more(value), revision),
    put: (key, value) => real.put(key, more(value)),
  }));
}

natsTest(
  "a rolling upgrade to a version that says more, and back: mixed all the while, the leader either of them; all is owned once, effects once",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 12, workMs: 1 });
    const bucket = await cluster.world.kv.open(assignmentBucket(cluster.group), {
      ttlMs: 0,
      replicas: 1,
      storage: "file",
    });
    const isLater = async () =>
      "later" in decodeJsonObject((await bucket.get(CURRENT_KEY))!.value)!;
    await cluster.add(3);
    await cluster.untilStable();
    assert.equal(await isLater(), false);
    await cluster.whilePublishing(async () => {
      for (const toLater of [true, false]) {
        // The leader goes first, so that each version leads a group of both.
        const old = [cluster.leader, ...cluster.followers];
        for (const member of old) {
          await cluster.add(1, toLater ? { world: await laterWorld(rig) } : {});
          await cluster.untilStable();
          await cluster.stop(member);
          await cluster.untilStable();
        }
        assert.equal(await isLater(), toLater, "it is the others' word now");
      }
    }, 20);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

/** A world whose consumers cannot be made or changed for a while: every second call is carried out all the same, its answer lost. */
async function refusingWorld(rig: Rig) {
  const { world } = await rig.connect();
  const state = { failures: 0, failed: 0 };
  const failing = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (state.failures === 0) return await run();
    state.failures--;
    state.failed++;
    if (state.failures % 2 === 0) await run();
    throw new PartiError("PARTI_TIMEOUT", "planted: no answer");
  };
  const { feed } = world;
  const changed = changedFeed(world, {
    createConsumer: (...args) => failing(() => feed.createConsumer(...args)),
    shrinkConsumer: (...args) => failing(() => feed.shrinkConsumer(...args)),
    deleteConsumer: (...args) => failing(() => feed.deleteConsumer(...args)),
  });
  return { world: changed, state };
}

/** How many partitions a worker has, by the last word. */
function partsOf(members: readonly Member[]): number[] {
  return members.map(({ manager }) => manager.assignment!.partitions.map(partitionId).length);
}

natsTest(
  "failed consumer updates: calls for consumers fail, before or after they were carried out, as partitions come and go: tried until they succeed, effects once",
  async (rig) => {
    const { world, state } = await refusingWorld(rig);
    await using cluster = await Cluster.open(rig, { partitionCount: 12, workMs: 1 });
    state.failures = 3;
    const [weak] = await cluster.add(1, { world });
    await cluster.untilStable();
    assert.equal(state.failed, 3, "at the beginning");
    await cluster.whilePublishing(async () => {
      // It gives partitions away, and gets them back.
      state.failures = 3;
      const [other] = await cluster.add(1);
      await cluster.untilStable();
      assert.deepEqual(partsOf([weak!, other!]), [6, 6]);
      assert.equal(state.failed, 6, "as partitions go");
      state.failures = 3;
      await cluster.stop(other!);
      await cluster.untilStable();
      assert.equal(state.failed, 9, "as partitions come");
    }, 20);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);
