/**
 * Workers that are processes of their own and are killed by SIGKILL, while messages flow.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type FleetWorker, GroupFleet } from "../test_support/group_fleet.ts";
import { natsTest, until } from "../test_support/rig.ts";

/** The leases of a fleet last five seconds: whoever's partitions are with others before that was found dead, and not waited for. */
const FOUND_DEAD_MS = 4_500;
/** A round of messages now and then: a fleet of ten on two cores has enough to do. */
const EVERY_MS = 40;

/** Whether the last publication leaves nothing to any of these. */
function isRid(fleet: GroupFleet, dead: readonly FleetWorker[]): boolean {
  const { workers } = fleet.publications.latest!;
  return dead.every(({ status }) => (workers.get(status!.instance!) ?? []).length === 0);
}

/** Kills workers and tells how long it took until all they had was given to others. */
async function killAndTime(fleet: GroupFleet, ...dead: FleetWorker[]): Promise<number> {
  const startedAtMs = performance.now();
  await fleet.kill(...dead);
  await until("the dead ones' partitions are with others", () => isRid(fleet, dead));
  return performance.now() - startedAtMs;
}

/** How many partitions each has. */
function counts(fleet: GroupFleet): number[] {
  return fleet.awake.map(({ status }) => status!.partitions.length);
}

natsTest(
  "rows 21, 22, 23, 24, 46: SIGKILL, one, two at once, the leader while others join, three in a row: the rest hold all, soon",
  async (rig) => {
    await using fleet = await GroupFleet.open(rig, { partitionCount: 20 });
    await fleet.spawn(5);
    await fleet.untilStable();
    await fleet.traffic.whilePublishing(async () => {
      const before = fleet.owners();
      const [victim] = fleet.followers;
      const tookMs = await killAndTime(fleet, victim!);
      assert.ok(tookMs < FOUND_DEAD_MS, `${tookMs} ms`);
      assert.equal(fleet.publications.latest!.reason, "emergency");
      await fleet.untilStable();
      for (const [id, owner] of before) {
        if (owner !== victim!.name) assert.equal(fleet.owners().get(id), owner, `${id} stays`);
      }

      await killAndTime(fleet, ...fleet.followers.slice(0, 2));
      await fleet.untilStable();
      assert.deepEqual(counts(fleet), [10, 10]);

      // The leader dies between the arrival of the new ones and the assignment that has them.
      const { leader } = fleet;
      const { epoch } = fleet.publications.latest!;
      const joining = fleet.spawn(4);
      await until("it has begun to scale", async () => {
        const { states } = await fleet.ask(leader);
        return states.lastIndexOf("Scaling") > states.lastIndexOf("Emergency");
      });
      await fleet.kill(leader);
      await joining;
      await fleet.untilStable();
      assert.equal(fleet.awake.length, 5);
      assert.ok(fleet.publications.latest!.epoch > epoch);
      assert.deepEqual(counts(fleet), [4, 4, 4, 4, 4]);

      // The next one dies while the partitions of the one before are still on their way.
      const [first, , third] = fleet.followers;
      const dead = [first!, fleet.leader, third!];
      for (const one of dead) {
        const { length } = fleet.publications.all;
        await fleet.kill(one);
        await until("something is published", () => fleet.publications.all.length > length);
      }
      await fleet.untilStable();
      assert.deepEqual(counts(fleet), [10, 10]);
    }, EVERY_MS);
    await fleet.assertClean();
  },
);

natsTest(
  "row 45: eight of ten processes are SIGKILLed at once, the leader too: two hold all; eight new ones, and all is even",
  async (rig) => {
    await using fleet = await GroupFleet.open(rig, { partitionCount: 50 });
    await fleet.spawn(10);
    await fleet.untilStable();
    await fleet.traffic.whilePublishing(async () => {
      await fleet.kill(fleet.leader, ...fleet.followers.slice(0, 7));
      await fleet.untilStable();
      assert.deepEqual(counts(fleet), [25, 25]);
      await fleet.spawn(8);
      await fleet.untilStable();
      assert.deepEqual(counts(fleet), Array(10).fill(5));
    }, EVERY_MS);
    await fleet.assertClean();
  },
);

natsTest(
  "row 20: a process is SIGKILLed and another comes in its place within the grace: it has the number and the part of the dead one, and nothing moves",
  async (rig) => {
    await using fleet = await GroupFleet.open(rig, {
      partitionCount: 12,
      config: {
        heartbeatTtl: "20s",
        workerIdTtl: "20s",
        // Far longer than the start of a process takes.
        emergencyGracePeriod: "20s",
      },
    });
    await fleet.spawn(3);
    await fleet.untilStable();
    await fleet.traffic.whilePublishing(async () => {
      const { length } = fleet.publications.all;
      const [victim] = fleet.followers;
      const { workerId, partitions } = victim!.status!;
      const before = fleet.owners();
      await fleet.kill(victim!);
      const [again] = await fleet.spawn(1);
      await fleet.untilStable();
      assert.equal(again!.status!.workerId, workerId);
      assert.deepEqual([...again!.status!.partitions].sort(), [...partitions].sort());
      for (const [id, owner] of before) {
        if (owner !== victim!.name) assert.equal(fleet.owners().get(id), owner, `${id} stays`);
      }
      // The one version that there has to be: another instance is another right.
      assert.equal(fleet.publications.all.length, length + 1);
    }, EVERY_MS);
    await fleet.assertClean();
  },
);
