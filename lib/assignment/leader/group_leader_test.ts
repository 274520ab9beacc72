import assert from "node:assert/strict";
import { workerKey } from "../../names.ts";
import { assertCovered, memoryTest, partitions, settle, TestTerm } from "./leader_rig_test.ts";
import { staticSource } from "../sources/static_source.ts";

const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/** The prober's verdict: two rounds and a grace, in milliseconds. */
const DETECTED_MS = 600;

memoryTest(
  "leader: a cold start waits for quiet and is one rebalance, rows 47 and 61",
  async (group) => {
    const { told } = group.lead({ source: staticSource(partitions(100)) });
    for (const n of ALL) {
      group.join([n]);
      await group.clock.advance(200);
    }
    assert.equal(told.published.length, 0);
    await group.pass(1_000);
    assert.equal(told.published.length, 1);
    const snapshot = await group.current();
    assert.equal(snapshot.reason, "cold_start");
    assert.equal(snapshot.generation, 1);
    assertCovered(snapshot, 100, ALL.map((n) => `worker-${n}`).join(" "));
    await group.pass(60_000);
    assert.equal(told.published.length, 1, "row 2: no change without a change");
    assert.deepEqual(told.errors, []);
  },
);

memoryTest("leader: unrest that never ends is cut off at the cap", async (group) => {
  const { told } = group.lead();
  group.join([0]);
  for (let n = 0; n < 34 && told.published.length === 0; n++) {
    group.join([1], { instance: `life-${n}` });
    await group.pass(1_000 - 1);
    await group.clock.advance(1);
    // A second roster change within each second, so that it is never quiet for the settle time.
    group.join([2], { leaving: n % 2 === 0 });
    await group.clock.advance(1);
  }
  assert.equal(told.published.length, 1);
});

memoryTest("leader: each join is one rebalance, rows 47 and 79", async (group) => {
  const { told } = group.lead();
  group.join([0, 1, 2]);
  await group.pass(2_000);
  group.join([3]);
  await group.pass(15_000);
  group.join([4, 5]);
  await group.clock.advance(300);
  group.join([6, 7, 8, 9]);
  await group.pass(15_000);
  assert.deepEqual(told.published.map(({ snapshot }) => snapshot.reason), [
    "cold_start",
    "planned_scale",
    "planned_scale",
  ]);
  assertCovered(await group.current(), 12, ALL.map((n) => `worker-${n}`).join(" "));
});

memoryTest("leader: late joiners of a cold start do not wait for a cooldown", async (group) => {
  const { told } = group.lead();
  for (const n of [0, 1, 2, 3]) {
    group.join([n]);
    await group.pass(1_000);
    assert.equal(told.published.length, n + 1, `worker-${n} came while the group was gathering`);
  }
  // Beyond the cold start window the group is there, and the cooldown counts again.
  await group.pass(30_000);
  group.join([4]);
  await group.pass(1_000);
  assert.equal(told.published.length, 5);
  group.join([5]);
  await group.pass(5_000);
  assert.equal(told.published.length, 5, "the cooldown of the move before");
  await group.pass(6_000);
  assert.equal(told.published.length, 6);
});

memoryTest(
  "leader: a killed worker's partitions move at once, with everything against it, rows 21-23",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    // A cooldown and an open window: W-21, W-22.
    group.join([3]);
    await group.pass(1_000);
    group.join([4]);
    await group.clock.advance(100);
    group.kill([1]);
    await group.clock.advance(DETECTED_MS);
    const snapshot = await group.current();
    assert.equal(snapshot.reason, "emergency");
    assertCovered(snapshot, 12, "worker-0 worker-2 worker-3 worker-4");
    assert.deepEqual(told.evicted, ["i1: no responders"]);
    assert.equal(group.leases.peek(workerKey(1)), undefined, "its lease is gone: it is fenced");
  },
);

memoryTest(
  "leader: elected right after a reconnect, it judges by probes nobody who is not back yet",
  async (group) => {
    const { told } = group.lead({ holdForMs: 3_000 });
    group.join([0, 1, 2]);
    // Its lease is there, and its connection is not.
    group.messaging.there.delete("i1");
    await group.pass(1_000);
    group.kill([1]);
    await group.clock.advance(DETECTED_MS);
    assert.deepEqual(told.evicted, [], "it may be on its way back");
    group.kill([2]);
    await group.clock.advance(DETECTED_MS);
    assert.deepEqual(told.evicted, ["i2: no responders"], "that one was back");
    await group.clock.advance(3_000);
    assert.deepEqual(told.evicted.toSorted(), ["i1: no responders", "i2: no responders"]);
  },
);

memoryTest("leader: eight of ten die at once: one rebalance, row 45", async (group) => {
  const { told } = group.lead({ source: staticSource(partitions(50)) });
  group.join(ALL);
  await group.pass(2_000);
  group.kill([1, 2, 3, 4, 5, 6, 7, 8]);
  await group.clock.advance(DETECTED_MS);
  assertCovered(await group.current(), 50, "worker-0 worker-9");
  assert.equal(told.published.length, 2);
});

memoryTest(
  "leader: one dies and one joins at the same moment is an emergency, W-23",
  async (group) => {
    group.lead();
    group.join([0, 1]);
    await group.pass(2_000);
    group.kill([1]);
    group.join([2]);
    await group.clock.advance(DETECTED_MS);
    const snapshot = await group.current();
    assert.equal(snapshot.reason, "emergency");
    assertCovered(snapshot, 12, "worker-0 worker-2");
  },
);

memoryTest(
  "leader: a paused worker is over after its TTL, not before, rows 20 and 48",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    group.pause(1);
    await group.pass(5_000);
    assert.equal(told.published.length, 1);
    await group.pass(2_000);
    assert.deepEqual(told.evicted, ["i1: lease not renewed"]);
    assertCovered(await group.current(), 12, "worker-0 worker-2");
  },
);

memoryTest("leader: renewals at nearly the TTL change nothing, rows 41 and 48", async (group) => {
  const { told } = group.lead();
  group.join([0, 1, 2]);
  await group.pass(2_000);
  for (let round = 0; round < 6; round++) {
    await group.clock.advance(5_400);
    group.join([0, 1, 2]);
  }
  assert.equal(told.published.length, 1);
  assert.deepEqual(told.evicted, []);
});

memoryTest("leader: a leaver hands over at once and stays listed, with nothing", async (group) => {
  const { told } = group.lead();
  group.join([0, 1, 2]);
  await group.pass(2_000);
  group.join([1], { leaving: true });
  await settle();
  const snapshot = await group.current();
  assertCovered(snapshot, 12, "worker-0 worker-2");
  assert.deepEqual(snapshot.workers[1], { id: "worker-1", instance: "i1", partitions: [] });
  await group.leave(1);
  await group.pass(15_000);
  assert.equal(told.published.length, 2, "its going is no news");
});

memoryTest("leader: a leader that leaves hands over its own part first, row 64", async (group) => {
  group.lead();
  group.join([0, 1, 2]);
  await group.pass(2_000);
  group.join([0], { leaving: true });
  await settle();
  assertCovered(await group.current(), 12, "worker-1 worker-2");
});

memoryTest("leader: when all leave, everything stays where it is", async (group) => {
  const { told } = group.lead();
  group.join([0, 1]);
  await group.pass(2_000);
  group.join([0, 1], { leaving: true });
  await group.pass(2_000);
  assertCovered(await group.current(), 12, "worker-0 worker-1");
  assert.equal(told.published.length, 1);
  assert.deepEqual(told.errors, []);
});

memoryTest(
  "leader: a worker that comes back under its ID gets its part again at once",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    const before = await group.current();
    group.join([1], { instance: "again" });
    await settle();
    const after = await group.current();
    assert.equal(told.published.at(-1)!.movedCount, 0);
    assert.equal(after.workers[1]!.instance, "again");
    assert.deepEqual(after.workers[1]!.partitions, before.workers[1]!.partitions);
  },
);

memoryTest("leader: a grace keeps a dead worker's part for its return", async (group) => {
  const { told } = group.lead({ config: { emergencyGracePeriod: "3s" } });
  group.join([0, 1, 2]);
  await group.pass(2_000);
  group.kill([1]);
  await group.pass(2_000);
  assert.deepEqual(told.evicted, ["i1: no responders"]);
  assert.equal(told.published.length, 1);
  assert.equal(told.phases.at(-1), "emergency");
  group.join([1], { instance: "again" });
  await group.clock.advance(10);
  assert.equal(told.published.at(-1)!.movedCount, 0);
  group.kill([2]);
  await group.pass(4_000);
  assertCovered(await group.current(), 12, "worker-0 worker-1");
});

memoryTest(
  "leader: a lease with a stranger's ID, or of one instance twice, gives nobody two owners",
  async (group) => {
    group.lead();
    group.join([0, 1]);
    group.join([5], { worker: "worker-1", instance: "impostor" });
    group.join([6], { instance: "i1" });
    group.join([1]);
    await group.pass(2_000);
    const snapshot = await group.current();
    assertCovered(snapshot, 12, "worker-0 worker-1");
    assert.equal(snapshot.workers.length, 2);
  },
);

memoryTest(
  "leader: a surviving new leader acts at once on who is known to be dead, W-20",
  async (group) => {
    const first = group.lead();
    group.join(ALL);
    await group.pass(2_000);
    group.kill([0, 3]);
    await first.leader.close();
    const second = group.lead({ self: 1, term: new TestTerm(50) });
    second.leader.markDead("i0", "no responders", group.revisionOf(0));
    await settle();
    const snapshot = await group.current();
    assert.equal(snapshot.reason, "emergency");
    assert.equal(snapshot.epoch, 50);
    assert.ok(snapshot.workers.every((worker) => worker.id !== "worker-0"));
    await group.clock.advance(DETECTED_MS);
    assertCovered(
      await group.current(),
      12,
      "worker-1 worker-2 worker-4 worker-5 worker-6 worker-7 worker-8 worker-9",
    );
  },
);

memoryTest(
  "leader: a newcomer that is elected in a living group acts at once, too",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    group.kill([0]);
    await first.leader.close();
    group.join([4]);
    const second = group.lead({ self: 4, term: new TestTerm(50) });
    second.leader.markDead("i0", "no responders", group.revisionOf(0));
    await group.clock.advance(10);
    assert.equal((await group.current()).reason, "emergency");
  },
);

memoryTest("leader: ten to none to ten is one rebalance, row 76", async (group) => {
  const first = group.lead({ source: staticSource(partitions(100)) });
  group.join(ALL);
  await group.pass(2_000);
  await first.leader.close();
  group.kill(ALL);
  // The new ones come under new IDs; the old leases are still there.
  const source = staticSource(partitions(100));
  group.join([10]);
  const second = group.lead({ self: 10, term: new TestTerm(9_999), source });
  for (let n = 11; n < 20; n++) {
    await group.clock.advance(200);
    group.join([n]);
  }
  await group.pass(3_000);
  assert.equal(second.told.published.length, 1);
  const snapshot = await group.current();
  assert.equal(snapshot.reason, "restart");
  assertCovered(snapshot, 100);
  assert.deepEqual(snapshot.workers.map((worker) => worker.partitions.length), Array(10).fill(10));
});

memoryTest(
  "leader: after an outage everybody gets back what they had, in one rebalance, W-19",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    const before = await group.current();
    await first.leader.close();
    group.kill([0, 1, 2, 3]);
    group.join([0], { instance: "again-0" });
    const second = group.lead({ instance: "again-0", term: new TestTerm(9_999) });
    for (const n of [1, 2, 3]) {
      await group.clock.advance(300);
      group.join([n], { instance: `again-${n}` });
    }
    await group.pass(2_000);
    assert.deepEqual(second.told.published.map(({ movedCount }) => movedCount), [0]);
    const after = await group.current();
    assert.deepEqual(
      after.workers.map((worker) => worker.partitions),
      before.workers.map((worker) => worker.partitions),
    );
  },
);

memoryTest(
  "leader: elected after an outage it was in, it waits for those who come back late, row 18",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    await first.leader.close();
    group.kill([0, 1, 2]);
    group.join([0], { instance: "again-0" });
    const untilMs = group.clock.monotonicMs() + 15_000;
    const second = group.lead({
      instance: "again-0",
      term: new TestTerm(9_999),
      recoveringUntilMs: () => untilMs,
    });
    await group.pass(6_000);
    group.join([1], { instance: "again-1" });
    await group.pass(6_000);
    assert.deepEqual(second.told.published, []);
    assert.ok(second.told.evicted.length > 0, "whoever is away is known to be");
    group.join([2], { instance: "again-2" });
    await group.pass(1_000);
    assert.deepEqual(second.told.published.map(({ movedCount }) => movedCount), [0]);
  },
);

memoryTest(
  "leader: whoever had been back from the outage before it died is not waited for, row 18",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    await first.leader.close();
    group.kill([0]);
    const untilMs = group.clock.monotonicMs() + 15_000;
    const options = { self: 1, term: new TestTerm(9_999), recoveringUntilMs: () => untilMs };
    const second = group.lead(options);
    second.leader.markDead("i0", "no responders", group.revisionOf(0), true);
    await group.pass(1_000);
    const { reason, epoch } = await group.current();
    assert.deepEqual([reason, epoch], ["emergency", 9_999]);
    assertCovered(await group.current(), 12, "worker-1 worker-2 worker-3");
  },
);

memoryTest(
  "leader: a restart with paused members waits for them no longer than a TTL",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    await first.leader.close();
    group.kill([0]);
    group.pause(1);
    group.pause(2);
    group.join([3]);
    group.lead({ self: 3, term: new TestTerm(9_999) });
    await group.pass(8_000);
    assertCovered(await group.current(), 12, "worker-3");
  },
);
