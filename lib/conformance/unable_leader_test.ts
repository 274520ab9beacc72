/**
 * A leader that cannot publish: somebody else leads instead, and what has no owner gets one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../errors.ts";
import { assignmentBucket } from "../names.ts";
import type { World } from "../ports/world.ts";
import { changedBuckets } from "../test_support/changed_world.ts";
import { Cluster } from "../test_support/cluster.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";

/** A world over a connection of its own whose writes to one bucket can be refused, as by a change of permissions. */
async function guardedWorld(rig: Rig, bucket: string): Promise<{
  world: World;
  refuse: (isRefusing: boolean) => void;
}> {
  const { world } = await rig.connect();
  let isRefusing = false;
  const write =
    <Args extends unknown[]>(run: (...args: Args) => Promise<number>) => (...args: Args) =>
      isRefusing
        ? Promise.reject(new PartiError("PARTI_REFUSED", "planted: no writes for this user"))
        : run(...args);
  const guarded = changedBuckets(world, (real) =>
    real.name !== bucket ? {} : {
      create: write((...args) => real.create(...args)),
      update: write((...args) => real.update(...args)),
      put: write((...args) => real.put(...args)),
    });
  return { world: guarded, refuse: (yes) => isRefusing = yes };
}

natsTest(
  "row 36: a fourth joins while publications fail: the same leader tries again, and it gets its part",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { partitionCount: 40 });
    const guarded = await guardedWorld(rig, assignmentBucket(cluster.group));
    const [leader] = await cluster.add(1, { world: guarded.world });
    await cluster.add(2);
    await cluster.untilStable();
    assert.equal(cluster.leader, leader);
    const { epoch, generation } = cluster.publications.latest!;
    guarded.refuse(true);
    const joining = cluster.add(1);
    const failures = () =>
      leader!.errors.filter((error) => isPartiError(error, "PARTI_REFUSED")).length;
    await until("it has tried twice", () => failures() >= 2);
    assert.equal(cluster.publications.latest!.generation, generation);
    guarded.refuse(false);
    const [fourth] = await joining;
    await cluster.untilStable();
    // A number that was tried may have come through after all: it is not used again, and the next one leaves it out.
    for (const violation of cluster.publications.violations.splice(0)) {
      assert.match(violation, /after generation \d+ of the same epoch$/);
    }
    assert.equal(cluster.leader, leader);
    assert.equal(cluster.publications.latest!.epoch, epoch);
    assert.equal(fourth!.manager.assignment!.partitions.length, 10);
    await cluster.publish(2);
    await cluster.untilDrained();
    await cluster.assertEffects();
  },
);

natsTest(
  "the leader's publications are refused: another worker takes over, orphaned partitions get owners, and it may lead again",
  async (rig) => {
    await using cluster = await Cluster.open(rig, { idle: true });
    const guarded = await guardedWorld(rig, assignmentBucket(cluster.group));
    const [leader] = await cluster.add(1, { world: guarded.world });
    await cluster.untilStable();
    const others = await cluster.add(2);
    await cluster.untilStable();
    assert.equal(cluster.leader, leader);
    guarded.refuse(true);
    await cluster.kill(others[0]!);
    await until("somebody else leads", () => others[1]!.manager.isLeader, 10_000);
    await cluster.untilStable();
    assert.equal(cluster.owners().size, 12);
    const refusals = leader!.errors.filter((error) => isPartiError(error, "PARTI_REFUSED"));
    assert.ok(refusals.length >= 5, "each failure was told");
    assert.ok(
      leader!.errors.some((error) =>
        isPartiError(error, "PARTI_NOT_LEADER") && /PARTI_REFUSED/.test(error.message)
      ),
      "and that it leads no longer",
    );
    // It is a worker as before, and a candidate again after a while.
    guarded.refuse(false);
    await cluster.kill(others[1]!);
    await until("it leads again", () => leader!.manager.isLeader, 10_000);
    await cluster.untilStable();
    assert.equal(cluster.owners().size, 12);
  },
);

natsTest(
  "a leader that cannot publish and is alone stands back, and leads again and again until it can",
  async (rig) => {
    await using cluster = await Cluster.open(rig, {
      idle: true,
      config: { electionTimeout: "1s", heartbeatTtl: "1s", startupTimeout: "40s" },
    });
    const guarded = await guardedWorld(rig, assignmentBucket(cluster.group));
    guarded.refuse(true);
    const terms: { isLeader: boolean; atMs: number }[] = [];
    const member = await cluster.make({
      world: guarded.world,
      hooks: {
        onLeadershipChanged: (isLeader) => void terms.push({ isLeader, atMs: performance.now() }),
      },
    });
    const starting = cluster.start(member);
    // Waited for below; should the test fail before, its failure is the one to be seen.
    starting.catch(() => {});
    await until("it has led and stood back twice", () => terms.length >= 4, 20_000);
    assert.deepEqual(terms.slice(0, 4).map(({ isLeader }) => isLeader), [true, false, true, false]);
    const [, left, again] = terms;
    const pauseMs = again!.atMs - left!.atMs;
    assert.ok(
      pauseMs > 900,
      `it stood back for ${pauseMs} ms: nobody else would have had the time`,
    );
    guarded.refuse(false);
    await starting;
    await cluster.untilStable();
  },
);
