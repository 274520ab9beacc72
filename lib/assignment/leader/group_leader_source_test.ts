/** The leader and the partition source: refresh, changes, failing sources, weights and capacities. */
import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { timeout } from "../../membership/fake_bucket_test.ts";
import {
  assertCovered,
  memoryTest,
  partitions,
  settle,
  simple,
  TestTerm,
} from "./leader_rig_test.ts";
import type { Partition } from "../partition.ts";
import { staticSource } from "../sources/static_source.ts";

/** Half of the first settle window, in milliseconds. */
const WITHIN_MS = 250;
/** The prober's verdict: two rounds and a grace, in milliseconds. */
const DETECTED_MS = 600;

memoryTest(
  "leader: a refresh reads the source and answers with the generation, rows 8 and 9",
  async (group) => {
    const list = partitions(50);
    let answer: readonly Partition[] = list;
    const { leader } = group.lead({ source: { list: () => Promise.resolve(answer) } });
    group.join([0, 1, 2]);
    await group.pass(2_000);
    answer = [...list, ...partitions(20, "q")];
    assert.equal(await leader.refresh(), 2);
    assertCovered(await group.current(), 70);
    answer = list.slice(0, 30);
    assert.equal(await leader.refresh(), 3);
    assertCovered(await group.current(), 30);
    assert.equal((await group.current()).reason, "refresh");
    assert.equal(await leader.refresh(), 3);
  },
);

memoryTest("leader: changed weights are a reason to rebalance, row 10", async (group) => {
  const list = partitions(60);
  const source = staticSource(list);
  const { told } = group.lead({ source });
  group.join([0, 1, 2]);
  await group.pass(2_000);
  source.update(list.map((partition, n) => n < 30 ? { ...partition, weight: 2 } : partition));
  await group.pass(2_000);
  const snapshot = await group.current();
  assert.equal(snapshot.reason, "partition_change");
  assert.equal(Object.keys(snapshot.weights).length, 30);
  const loads = snapshot.workers.map((worker) =>
    worker.partitions.reduce((sum, id) => sum + (snapshot.weights[id] ?? 1), 0)
  );
  assert.ok(Math.max(...loads) <= 30 * 1.05, `${loads}`);
  assert.equal(told.published.length, 2);
});

memoryTest(
  "leader: refreshes and deaths at the same time: the newest state is published last, W-24",
  async (group) => {
    let answer: readonly Partition[] = partitions(30);
    let asked = 0;
    const { leader, told } = group.lead({
      source: {
        // Each answer takes its time, and says what was true when it was asked for.
        list: () => {
          const now = answer;
          asked++;
          return new Promise((resolve) => void group.clock.setTimer(50, () => resolve(now)));
        },
      },
    });
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    const first = leader.refresh();
    group.kill([1]);
    await group.clock.advance(10);
    answer = partitions(40);
    const second = leader.refresh();
    await group.clock.advance(10);
    group.kill([2]);
    await group.pass(3_000);
    await Promise.all([first, second]);
    assertCovered(await group.current(), 40, "worker-0 worker-3");
    const generations = told.published.map(({ snapshot }) => snapshot.generation);
    assert.deepEqual(generations, [...generations].sort((a, b) => a - b));
    assert.equal(asked, 3);
  },
);

memoryTest(
  "leader: what a refresh finds while something else is being published is in the generation that it answers with",
  async (group) => {
    let answer: readonly Partition[] = partitions(12);
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    const { leader, told } = group.lead({ source: { list: () => Promise.resolve(answer) } });
    group.join([0, 1]);
    await group.pass(2_000);
    const update = group.assignments.update.bind(group.assignments);
    group.assignments.update = async (...args) => {
      await promise;
      return await update(...args);
    };
    group.kill([1]);
    await group.clock.advance(DETECTED_MS);
    answer = partitions(20);
    const refresh = leader.refresh();
    await settle();
    goOn();
    const generation = await refresh;
    const found = told.published.find(({ snapshot }) => snapshot.generation === generation)!;
    assert.deepEqual(told.published.map(({ snapshot }) => snapshot.reason).slice(1), [
      "emergency",
      "refresh",
    ]);
    assertCovered(found.snapshot, 20);
  },
);

memoryTest(
  "leader: a strategy that cannot place what is new delays no emergency, and nobody who comes or leaves",
  async (group) => {
    const source = staticSource(partitions(12));
    let isNewTo = 0;
    const { told } = group.lead({
      source,
      strategy: (input) => {
        if (input.partitions.length > 12) throw new Error(`no place for it, ${++isNewTo}`);
        return simple(input);
      },
    });
    group.join([0, 1, 2]);
    await group.pass(2_000);
    source.update(partitions(13));
    await settle();
    group.kill([1]);
    await group.clock.advance(DETECTED_MS);
    assertCovered(await group.current(), 12, "worker-0 worker-2");
    group.join([2], { leaving: true });
    await settle();
    assertCovered(await group.current(), 12, "worker-0");
    const reasons = told.published.map(({ snapshot }) => snapshot.reason);
    assert.deepEqual(reasons, ["cold_start", "emergency", "planned_scale"]);
    assert.ok(told.errors.length > 0 && told.errors.length === isNewTo, "told each time");
    // By itself it is tried again, and the leader gives up: another one may have another strategy.
    await group.pass(10_000);
    assert.deepEqual([told.published.length, told.unable.length], [3, 1]);
  },
);

memoryTest("leader: a source that hangs delays no emergency", async (group) => {
  let isHanging = false;
  const { leader, told } = group.lead({
    source: {
      list: () => isHanging ? new Promise<never>(() => {}) : Promise.resolve(partitions(12)),
    },
  });
  group.join([0, 1, 2]);
  await group.pass(2_000);
  isHanging = true;
  const refresh = leader.refresh();
  refresh.catch(() => {});
  group.kill([1]);
  await group.clock.advance(DETECTED_MS);
  assertCovered(await group.current(), 12, "worker-0 worker-2");
  await group.pass(6_000);
  await assert.rejects(refresh, (error) => isPartiError(error, "PARTI_SOURCE_FAILED"));
  assert.equal(told.published.length, 2);
});

memoryTest(
  "leader: a new leader whose source is down goes on with what is assigned, rows 5, 7, W-42",
  async (group) => {
    const first = group.lead();
    group.join([0, 1, 2]);
    await group.pass(2_000);
    await first.leader.close();
    let answer: () => Promise<Partition[]> = () => Promise.reject(new Error("down"));
    const second = group.lead({
      self: 1,
      term: new TestTerm(50),
      source: { list: () => answer() },
    });
    group.kill([0]);
    second.leader.markDead("i0", "no responders", group.revisionOf(0));
    await group.clock.advance(DETECTED_MS);
    assertCovered(await group.current(), 12, "worker-1 worker-2");
    // Empty is no better than down.
    answer = () => Promise.resolve([]);
    await group.pass(60_000);
    assertCovered(await group.current(), 12, "worker-1 worker-2");
    answer = () => Promise.resolve(partitions(20));
    await group.pass(60_000);
    assertCovered(await group.current(), 20);
  },
);

memoryTest("leader: a cold start waits for the first answer of the source", async (group) => {
  let answer: () => Promise<Partition[]> = () => Promise.reject(new Error("down"));
  const { told } = group.lead({ source: { list: () => answer() } });
  group.join([0, 1]);
  await group.pass(5_000);
  assert.equal(told.published.length, 0);
  assert.ok(told.errors.some((error) => isPartiError(error, "PARTI_SOURCE_FAILED")));
  answer = () => Promise.resolve(partitions(4));
  await group.pass(10_000);
  assertCovered(await group.current(), 4, "worker-0 worker-1");
});

memoryTest(
  "leader: every term reads the source anew, whatever an earlier one knew",
  async (group) => {
    const list = partitions(8);
    let answer: readonly Partition[] = list;
    const source = { list: () => Promise.resolve(answer) };
    const first = group.lead({ source });
    group.join([0, 1]);
    await group.pass(2_000);
    await first.leader.close();
    answer = partitions(6, "q");
    group.lead({ source, term: new TestTerm(50) });
    await group.pass(15_000);
    assertCovered(await group.current(), 6);
  },
);

memoryTest(
  "leader: a changed capacity is a reason to rebalance, above the threshold",
  async (group) => {
    const { told } = group.lead({ source: staticSource(partitions(100)) });
    group.join([0, 1, 2, 3]);
    await group.pass(2_000);
    group.join([3], { capacity: 1.1 });
    await group.pass(20_000);
    assert.equal(told.published.length, 1, "a tenth is below the threshold");
    group.join([3], { capacity: 3 });
    await group.pass(20_000);
    assert.deepEqual(told.published.map(({ snapshot }) => snapshot.reason), [
      "cold_start",
      "imbalance",
    ]);
    const shares = (await group.current()).workers.map((worker) => worker.partitions.length);
    assert.ok(shares[3]! >= 45, `${shares}`);
    assert.ok(!told.phases.includes("scaling") || told.phases.indexOf("scaling") === 0);
  },
);

memoryTest(
  "leader: an imbalance that the strategy cannot mend is published never",
  async (group) => {
    let asked = 0;
    const { told } = group.lead({
      source: staticSource([{ keys: ["heavy"], weight: 100 }, ...partitions(4)]),
      strategy: (input) => {
        asked++;
        return simple(input);
      },
    });
    group.join([0, 1]);
    await group.pass(30_000);
    assert.equal(asked, 1, "it has had its say with the first assignment");
    group.join([1], { capacity: 5 });
    await group.pass(60_000);
    assert.equal(told.published.length, 1);
    assert.equal(asked, 2);
  },
);

memoryTest(
  "leader: an imbalance that came to nothing leaves no window open for those who join later",
  async (group) => {
    const { told } = group.lead({
      source: staticSource([{ keys: ["heavy"], weight: 100 }, ...partitions(4)]),
    });
    group.join([0, 1]);
    await group.pass(30_000);
    group.join([1], { capacity: 5 });
    await group.pass(60_000);
    const before = told.published.length;
    group.join([2]);
    await group.clock.advance(WITHIN_MS);
    assert.equal(told.published.length, before, "the window waits for others on their way");
    await group.pass(2_000);
    assert.equal(told.published.length, before + 1);
  },
);

memoryTest(
  "leader: a refresh during a cold start is answered when its window closes",
  async (group) => {
    const { leader, told } = group.lead();
    group.join([0, 1]);
    await group.clock.advance(WITHIN_MS);
    const answers: number[] = [];
    const refreshing = leader.refresh().then((generation) => void answers.push(generation));
    await group.clock.advance(WITHIN_MS / 2);
    assert.deepEqual(answers, []);
    assert.equal(told.published.length, 0);
    await group.pass(1_000);
    await refreshing;
    assert.deepEqual(answers, [1]);
  },
);

memoryTest(
  "leader: a refresh is refused when publishing fails, and when the term ends",
  async (group) => {
    let answer = partitions(4);
    const { leader } = group.lead({ source: { list: () => Promise.resolve(answer) } });
    group.join([0, 1]);
    await group.pass(2_000);
    answer = partitions(5);
    group.assignments.before = (operation) => {
      if (operation === "update") throw timeout();
    };
    await assert.rejects(leader.refresh(), (error) => isPartiError(error, "PARTI_TIMEOUT"));
    const held = Promise.withResolvers<void>();
    group.assignments.before = (operation) => operation === "update" ? held.promise : undefined;
    answer = partitions(6);
    const refused = assert.rejects(
      leader.refresh(),
      (error) => isPartiError(error, "PARTI_NOT_LEADER"),
    );
    await settle();
    const closing = leader.close();
    held.resolve();
    await Promise.all([refused, closing]);
  },
);

memoryTest("leader: a refresh before the assignment was taken over waits for it", async (group) => {
  const { leader } = group.lead();
  group.join([0]);
  const refreshing = leader.refresh();
  await group.pass(2_000);
  assert.equal(await refreshing, 1);
});
