/** The leader when writes, verdicts and terms fail, and at its end. */
import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../../errors.ts";
import { timeout } from "../../membership/fake_bucket_test.ts";
import { CURRENT_KEY, laneMetadata, workerKey } from "../../names.ts";
import { assertCovered, memoryTest, partitions, settle, TestTerm } from "./leader_rig_test.ts";
import { staticSource } from "../sources/static_source.ts";
import { stickyBalanced } from "../strategies/sticky_balanced.ts";

const updates = (log: readonly string[]) => log.filter((line) => line === "update current").length;
/** Half of the first settle window, in milliseconds. */
const WITHIN_MS = 250;
/** The prober's verdict: two rounds and a grace, in milliseconds. */
const DETECTED_MS = 600;

memoryTest(
  "leader: a publication that fails is tried until it succeeds, W-16, W-17, row 36",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    let failures = 5;
    group.assignments.before = (operation) => {
      if (operation === "update" && failures-- > 0) throw timeout();
    };
    group.kill([1]);
    await group.pass(6_000);
    assert.deepEqual(told.failed, Array(5).fill("emergency"));
    assertCovered(await group.current(), 12, "worker-0 worker-2");
  },
);

memoryTest(
  "leader: a publication with an unknown outcome ends with what is wanted, W-17",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    let failures = 1;
    group.assignments.after = (operation) => {
      if (operation !== "update" || failures-- <= 0) return;
      // While the answer is lost somebody else dies: what is published next must say something else.
      group.kill([2]);
      throw timeout();
    };
    group.kill([1]);
    await group.pass(3_000);
    const snapshot = await group.current();
    assertCovered(snapshot, 12, "worker-0 worker-3");
    const generations = group.assignments.history.map((entry) =>
      JSON.parse(new TextDecoder().decode(entry.value))
    ).map(({ epoch, generation }) => `${epoch}.${generation}`);
    assert.equal(new Set(generations).size, generations.length);
    assert.deepEqual(told.stale, []);
  },
);

memoryTest(
  "leader: a publication with an unknown outcome for which there is no reason any more is found all the same, W-17",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    group.assignments.after = (operation) => {
      if (operation !== "update") return;
      group.assignments.after = () => {};
      // While the answer is lost it turns out that nobody has died: what the leader knows is what it wants.
      group.join([1]);
      throw timeout();
    };
    group.kill([1]);
    await group.pass(20_000);
    assert.deepEqual(told.failed, ["emergency"]);
    assertCovered(await group.current(), 12, "worker-0 worker-1 worker-2");
  },
);

memoryTest(
  "leader: a publication that turns out to have been applied has begun its cooldown then",
  async (group) => {
    const { told } = group.lead({ config: { assignment: { minRebalanceInterval: "10s" } } });
    group.join([0, 1]);
    // Beyond the cold start window moves without need keep their distance.
    await group.pass(40_000);
    const generations = told.published.length;
    group.assignments.after = (operation) => {
      if (operation !== "update") return;
      group.assignments.after = () => {};
      // While the answer is lost one more comes.
      group.join([3]);
      throw timeout();
    };
    group.join([2]);
    await group.pass(8_000);
    assertCovered(await group.current(), 12, "worker-0 worker-1 worker-2");
    await group.pass(4_000);
    assertCovered(await group.current(), 12, "worker-0 worker-1 worker-2 worker-3");
    assert.equal(told.published.length, generations + 2);
  },
);

memoryTest(
  "leader: an eviction that fails is tried until it succeeds, the others go on, W-17",
  async (group) => {
    group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    let isFailing = true;
    group.leases.before = (operation, key) => {
      if (isFailing && operation === "remove" && key === workerKey(1)) throw timeout();
    };
    group.kill([1, 2]);
    await group.pass(1_000);
    assertCovered(await group.current(), 12, "worker-0 worker-1");
    isFailing = false;
    await group.pass(1_000);
    assertCovered(await group.current(), 12, "worker-0");
  },
);

memoryTest("leader: a renewal that wins against the eviction keeps its part", async (group) => {
  const { told } = group.lead();
  group.join([0, 1]);
  await group.pass(2_000);
  group.leases.before = (operation, key) => {
    if (operation !== "remove" || key !== workerKey(1)) return;
    group.leases.before = () => {};
    group.join([1]);
  };
  group.messaging.there.delete("i1");
  await group.clock.advance(DETECTED_MS / 2);
  group.messaging.there.add("i1");
  await group.pass(3_000);
  assert.deepEqual(told.evicted, []);
  assert.equal(told.published.length, 1);
});

memoryTest(
  "leader: after its own connection was away it judges nobody for a while, rows 17 and 18",
  async (group) => {
    const { told, leader } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    group.messaging.connected = false;
    await group.clock.advance(7_000);
    assert.deepEqual(told.evicted, []);
    group.messaging.connected = true;
    leader.excuseAll();
    // The others are still on their way back: nobody answers, nobody renews.
    group.messaging.there.clear();
    await group.clock.advance(3_000);
    group.join([0, 1, 2]);
    await group.pass(10_000);
    assert.deepEqual(told.evicted, []);
    assert.equal(told.published.length, 1);
  },
);

memoryTest(
  "leader: a strategy's faulty answer leaves the assignment as it is, and is asked again",
  async (group) => {
    let isFaulty = false;
    const strategy = stickyBalanced();
    const { told } = group.lead({
      strategy: (input) => isFaulty ? new Map() : strategy(input),
    });
    group.join([0, 1, 2]);
    await group.pass(2_000);
    isFaulty = true;
    group.kill([1]);
    await group.pass(3_000);
    assert.equal((await group.current()).generation, 1);
    assert.ok(told.errors.every((error) => isPartiError(error, "PARTI_INVALID_ASSIGNMENT")));
    assert.ok(told.errors.length > 1);
    isFaulty = false;
    await group.pass(2_000);
    assertCovered(await group.current(), 12, "worker-0 worker-2");
  },
);

memoryTest(
  "leader: a stale pen whose term still holds takes over again, a lost bucket included, row 37",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    const before = await group.current();
    group.assignments.remake();
    group.kill([1]);
    await group.pass(3_000);
    const after = await group.current();
    assert.ok(after.epoch > before.epoch && after.generation > before.generation);
    assertCovered(after, 12, "worker-0 worker-2");
    assert.deepEqual(told.stale, []);
  },
);

memoryTest(
  "leader: a new leader goes on from what its worker remembers of a lost bucket",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    const before = await group.current();
    await first.leader.close();
    group.assignments.remake();
    group.lead({ term: new TestTerm(50), remembered: () => before });
    await group.pass(2_000);
    const after = await group.current();
    assert.equal(after.generation, before.generation);
    assert.deepEqual(after.workers, before.workers);
  },
);

memoryTest(
  "leader: one whose successor has written tells it once and writes no more, W-14",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    const second = group.lead({ self: 1, term: new TestTerm(50) });
    await settle();
    first.term.confirmed = false;
    group.kill([2]);
    await group.pass(2_000);
    assert.equal((await group.current()).epoch, 50);
    assertCovered(await group.current(), 12, "worker-0 worker-1");
    first.term.valid = false;
    await group.pass(2_000);
    const { length } = group.assignments.history;
    group.kill([0]);
    await group.pass(2_000);
    assert.equal(first.told.stale.length, 1);
    assert.equal(group.assignments.history.length, length + 1);
    assert.equal(second.told.published.length, 2);
  },
);

memoryTest(
  "leader: a term that ends stops the work at the next look, W-13, W-40",
  async (group) => {
    const { term, told, leader } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    term.valid = false;
    group.kill([1]);
    await group.pass(3_000);
    assert.equal(told.published.length, 1);
    assert.deepEqual(told.evicted, []);
    assert.equal(told.stale.length, 1);
    await assert.rejects(leader.refresh(), (error) => isPartiError(error, "PARTI_NOT_LEADER"));
  },
);

for (
  const [phase, operation] of [
    ["while the assignment is taken over", "get"],
    ["while it is written", "create"],
    ["while the next one is written", "update"],
  ] as const
) {
  memoryTest(`leader: nothing is published after an end ${phase}, W-13`, async (group) => {
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    group.assignments.before = (now) => {
      if (now !== operation) return;
      reached.resolve();
      return held.promise;
    };
    const { leader, told } = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    await reached.promise;
    const closing = leader.close();
    held.resolve();
    group.assignments.before = () => {};
    await closing;
    const { length } = group.assignments.history;
    group.kill([1]);
    await group.pass(30_000);
    assert.equal(group.assignments.history.length, length);
    assert.deepEqual(told.published, []);
  });
}

memoryTest("leader: nothing is published after an end during a window, W-13", async (group) => {
  const { leader } = group.lead();
  group.join([0, 1, 2]);
  await group.clock.advance(WITHIN_MS);
  await leader.close();
  await group.pass(40_000);
  assert.equal(updates(group.assignments.log), 0);
});

memoryTest("leader: the phase is idle again once everybody has applied", async (group) => {
  const { told } = group.lead();
  group.join([0, 1, 2]);
  await group.pass(2_000);
  assert.deepEqual(told.phases, ["scaling", "rebalancing"]);
  group.apply([0, 1], 1);
  await group.pass(1_000);
  assert.equal(told.phases.at(-1), "rebalancing");
  group.apply([2], 1);
  await settle();
  assert.equal(told.phases.at(-1), "idle");
  group.kill([2]);
  await group.clock.advance(DETECTED_MS);
  assert.equal(told.phases.at(-1), "emergency");
  // One that never does is waited for, but not for ever.
  group.apply([0], 2);
  await group.pass(11_000);
  assert.equal(told.phases.at(-1), "idle");
});

memoryTest("leader: renewals cost no look", async (group) => {
  const source = staticSource(partitions(100));
  const { term } = group.lead({ source });
  let looks = 0;
  Object.defineProperty(term, "valid", {
    get: () => {
      looks++;
      return true;
    },
  });
  group.join(Array.from({ length: 100 }, (_, n) => n));
  await group.pass(2_000);
  for (let n = 0; n < 100; n++) group.apply([n], 1);
  await group.pass(10_000);
  const before = looks;
  await group.pass(30_000);
  assert.equal(looks - before, 0, "3,000 renewals");
});

memoryTest(
  "leader: a dead worker's lanes are deleted until they are gone, whatever fails",
  async (group) => {
    const { leader } = group.lead({
      config: { consumer: { stream: "work", subjectTemplate: "work.{{.PartitionID}}" } },
    });
    const addLane = (n: number, instance: string) =>
      group.feed.lanes.set(
        `lane-${instance}`,
        laneMetadata({ group: "g", worker: `worker-${n}`, instance }, 1, 1),
      );
    group.join([0, 1, 2]);
    await group.pass(2_000);
    for (const n of [0, 1, 2]) addLane(n, `i${n}`);
    group.feed.failing = true;
    group.kill([1]);
    await group.pass(3_000);
    assert.equal(group.feed.lanes.size, 3);
    assert.equal(group.messaging.published.length, 0);
    group.feed.failing = false;
    await group.pass(6_000);
    assert.deepEqual([...group.feed.lanes.keys()], ["lane-i0", "lane-i2"]);
    assert.equal(group.messaging.published.length, 1, "what it held was announced as free");
    // Another life under its ID: nobody was evicted, and yet somebody has gone.
    group.join([2], { instance: "again" });
    await settle();
    assert.deepEqual([...group.feed.lanes.keys()], ["lane-i0"]);
    // A lease that is simply not there any more: its holder may be at work and not know it yet, W-11.
    addLane(0, "i3");
    group.join([3]);
    await group.pass(1_000);
    await group.leave(3);
    await settle();
    assert.ok(group.feed.lanes.has("lane-i3"));
    await group.pass(3_000);
    assert.ok(!group.feed.lanes.has("lane-i3"));
    // A zombie's last breath.
    addLane(1, "i1");
    await group.pass(31_000);
    assert.deepEqual([...group.feed.lanes.keys()], ["lane-i0"]);
    await leader.close();
  },
);

memoryTest(
  "leader: the partitions' last known owners are lost with a chunk, the group goes on",
  async (group) => {
    group.assignments.poke(CURRENT_KEY, {
      v: 1,
      epoch: 5,
      generation: 7,
      parts: [{ epoch: 5, generation: 7, hash: "0".repeat(16), chunks: 2, bytes: 300_000 }],
    });
    const { told } = group.lead();
    group.join([0, 1]);
    await group.pass(10_000);
    const snapshot = await group.current();
    assert.ok(snapshot.generation > 7 && snapshot.epoch > 5);
    assertCovered(snapshot, 12, "worker-0 worker-1");
    assert.ok(told.errors.every((error) => error instanceof PartiError));
  },
);

memoryTest("leader: an end during evictions publishes nothing any more, W-13", async (group) => {
  const { leader, told } = group.lead();
  group.join([0, 1, 2]);
  await group.pass(2_000);
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  group.leases.before = (operation) => {
    if (operation !== "remove") return;
    reached.resolve();
    return held.promise;
  };
  group.kill([1]);
  await group.clock.advance(DETECTED_MS);
  await reached.promise;
  const closing = leader.close();
  held.resolve();
  await closing;
  assert.equal(told.published.length, 1);
  assert.equal((await group.current()).generation, 1);
});

memoryTest(
  "leader: an earlier try that was applied after all is looked at again, W-17",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    let failures = 1;
    group.assignments.after = async (operation) => {
      if (operation !== "update" || failures-- <= 0) return;
      // Known before the next try, which finds that the lost one is in force: and it is not what is wanted now.
      await group.leave(2);
      throw timeout();
    };
    group.join([1], { leaving: true });
    await group.clock.advance(500);
    assertCovered(await group.current(), 12, "worker-0 worker-3");
    assert.deepEqual(told.stale, []);
  },
);

memoryTest(
  "leader: a renewed verdict is a new one: who answers again and renews is left alone",
  async (group) => {
    const { leader, told } = group.lead();
    group.join([0, 1]);
    await group.pass(2_000);
    leader.markDead("nobody-we-know", "a rumour", 1);
    leader.markDead("i0", "itself", group.revisionOf(0));
    await group.pass(2_000);
    assert.deepEqual(told.evicted, []);
    assert.equal(told.published.length, 1);
  },
);

memoryTest(
  "leader: what lies there cannot be understood: it is left, and written anew once it is deleted, as the hint says",
  async (group) => {
    const { told } = group.lead();
    group.join([0, 1]);
    await group.pass(2_000);
    group.assignments.poke(CURRENT_KEY, {});
    group.join([2]);
    await group.pass(2_000);
    const [error] = told.errors;
    assert.ok(isPartiError(error, "PARTI_INVALID_ASSIGNMENT"), String(error));
    assert.match(error.hint!, /delete the key current/);
    await group.assignments.remove(CURRENT_KEY);
    await group.pass(2_000);
    assertCovered(await group.current(), 12, "worker-0 worker-1 worker-2");
  },
);
