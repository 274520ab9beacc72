/**
 * Workers that are processes of their own and stand still (SIGSTOP) while messages flow: for less than their lease, for longer, and while
 * they lead.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GroupConfigInput } from "../config/config.ts";
import { LEADER_KEY, leaseBucket } from "../names.ts";
import { GroupFleet } from "../test_support/group_fleet.ts";
import { natsTest, type Rig, until } from "../test_support/rig.ts";

const TTL_MS = 3_000;
const LEASES = {
  heartbeatInterval: "500ms",
  heartbeatTtl: `${TTL_MS}ms`,
  electionTimeout: `${TTL_MS}ms`,
  workerIdTtl: "6s",
} as const satisfies Partial<GroupConfigInput>;
/** Long enough that whoever is stopped is stopped in the middle of a handler. */
const WORK_MS = 15;
const EVERY_MS = 40;

/** How often the leader's lease was written, as its revision in the bucket of all leases tells. */
async function renewals(rig: Rig): Promise<() => Promise<number>> {
  const { world } = await rig.connect();
  const options = { ttlMs: 6_000, replicas: 1, storage: "file" } as const;
  const bucket = await world.kv.open(leaseBucket("g"), options);
  const seen = new Set<number>();
  return async () => {
    const entry = await bucket.get(LEADER_KEY);
    if (entry !== undefined) seen.add(entry.revision);
    return seen.size;
  };
}

natsTest(
  "rows 20, 48: a process that stands still for less than its lease: nothing is published, nobody is evicted",
  async (rig) => {
    await using fleet = await GroupFleet.open(rig, {
      partitionCount: 12,
      workMs: WORK_MS,
      config: { ...LEASES, heartbeatTtl: "6s", electionTimeout: "5s" },
    });
    await fleet.spawn(3);
    await fleet.untilStable();
    await fleet.traffic.whilePublishing(async () => {
      const { length } = fleet.publications.all;
      const owners = fleet.owners();
      const [victim] = fleet.followers;
      const { instance } = victim!.status!;
      fleet.pause(victim!);
      const count = await renewals(rig);
      // About two and a half of six seconds: long enough that the others miss several renewals, and not so long that the lease ends.
      await until("the leader has renewed five times", async () => await count() >= 6);
      fleet.resume(victim!);
      await fleet.untilStable();
      assert.equal(fleet.publications.all.length, length, "no version for it");
      assert.equal(victim!.status!.instance, instance);
      assert.deepEqual(fleet.owners(), owners);
    }, EVERY_MS);
    await fleet.assertClean();
  },
);

natsTest(
  "rows 34, 35: a process that stands still for longer: after its TTL the rest hold all, and when it goes on its number is another's",
  async (rig) => {
    await using fleet = await GroupFleet.open(rig, {
      partitionCount: 12,
      workMs: WORK_MS,
      config: LEASES,
    });
    await fleet.spawn(3);
    await fleet.untilStable();
    await fleet.traffic.whilePublishing(async () => {
      const [victim] = fleet.followers;
      const { instance, workerId } = victim!.status!;
      fleet.pause(victim!);
      const pausedAtMs = performance.now();
      const listed = () => fleet.publications.latest!.workers.get(instance!) ?? [];
      await until("its lease has expired", () => listed().length === 0);
      const tookMs = performance.now() - pausedAtMs;
      // Its last renewal was up to half a second before; it was not found dead by a probe.
      assert.ok(tookMs > 0.7 * TTL_MS, `${tookMs} ms`);
      assert.equal(fleet.publications.latest!.reason, "emergency");
      await fleet.untilStable();
      assert.equal(fleet.owners().size, 12, "the survivors hold all");
      // A newcomer gets the number of the one that stands still, which believes for a moment that it still has it.
      const [newcomer] = await fleet.spawn(1);
      await fleet.untilStable();
      assert.equal(newcomer!.status!.workerId, workerId);
      fleet.resume(victim!);
      await until("it is somebody else", async () => {
        const now = (await fleet.ask(victim!)).instance;
        return now !== null && now !== instance;
      }, 20_000);
      await fleet.untilStable();
      const ids = fleet.awake.map(({ status }) => status!.workerId);
      assert.equal(new Set(ids).size, 4, ids.join());
      assert.equal(newcomer!.status!.workerId, workerId);
      assert.deepEqual(fleet.awake.map(({ status }) => status!.partitions.length), [3, 3, 3, 3]);
    }, EVERY_MS);
    await fleet.assertClean();
  },
);

natsTest(
  "row 40: a leader that stands still for longer than its office, and goes on as a zombie: one leads, and only its word is published",
  async (rig) => {
    await using fleet = await GroupFleet.open(rig, {
      partitionCount: 12,
      workMs: WORK_MS,
      config: LEASES,
    });
    await fleet.spawn(4);
    await fleet.untilStable();
    await fleet.traffic.whilePublishing(async () => {
      const zombie = fleet.leader;
      const { instance } = zombie.status!;
      const { epoch } = fleet.publications.latest!;
      fleet.pause(zombie);
      await until("another leads", () => fleet.publications.latest!.epoch > epoch, 20_000);
      await fleet.untilStable();
      const heir = fleet.leader;
      const { length } = fleet.publications.all;
      fleet.resume(zombie);
      await until("it is back as another instance", async () => {
        const now = (await fleet.ask(zombie)).instance;
        return now !== null && now !== instance;
      }, 20_000);
      await fleet.untilStable();
      assert.equal(fleet.leader, heir);
      for (const seen of fleet.publications.all.slice(length)) {
        assert.equal(seen.leader, heir.status!.instance, `generation ${seen.generation}`);
      }
      assert.ok(fleet.publications.all.length > length, "it was given a part again");
    }, EVERY_MS);
    await fleet.assertClean();
  },
);
