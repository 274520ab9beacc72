import assert from "node:assert/strict";
import { resolveConfig } from "../../config/config.ts";
import { timeout } from "../../membership/fake_bucket_test.ts";
import { laneMetadata, probeSubject } from "../../names.ts";
import type { Departures } from "../../ports/departures.ts";
import { type MemoryGroup, memoryTest, settle } from "./leader_rig_test.ts";
import { Liveness } from "./liveness.ts";

/** The prober's verdict: two rounds and a grace, in milliseconds. */
const DETECTED_MS = 600;

/** Hints of departures, given by the test. */
function hints() {
  const all = { expected: [] as readonly string[], hint: (_subject: string) => {}, closed: false };
  const departures: Departures = {
    watch: (_bucket, onDeparture) => {
      all.hint = onDeparture;
      return {
        expect: (subjects) => void (all.expected = subjects),
        close: () => void (all.closed = true),
      };
    },
  };
  return { all, departures };
}

/** The liveness of a group as `worker-0` sees it, and what it tells. */
function watch(group: MemoryGroup, holdForMs = 0, departures?: Departures) {
  const told = {
    changes: 0,
    verdicts: 0,
    evicted: [] as string[],
    missed: [] as string[],
    errors: [] as unknown[],
  };
  const liveness = new Liveness({
    world: departures === undefined ? group.world : { ...group.world, departures },
    config: resolveConfig({ group: "g", consumer: { stream: "work" } }),
    self: { worker: "worker-0", instance: "i0" },
    leases: group.leases,
    holdForMs,
    onEvicted: ({ record }, reason) => told.evicted.push(`${record.instance}: ${reason}`),
    onProbeMiss: (instance) => told.missed.push(instance),
    onError: (error) => told.errors.push(error),
  }, {
    onChange: () => void told.changes++,
    onVerdict: () => void told.verdicts++,
  });
  const alive = () => liveness.members.map((member) => member.record.instance).join(" ");
  return { liveness, told, alive };
}

/** The lanes of some workers. */
function addLanes(group: MemoryGroup, numbers: readonly number[]): void {
  for (const n of numbers) {
    const owner = { group: "g", worker: `worker-${n}`, instance: `i${n}` };
    group.feed.lanes.set(`lane-i${n}`, laneMetadata(owner, 1, 1));
  }
}

function lanes(group: MemoryGroup): string {
  return [...group.feed.lanes.keys()].join(" ");
}

async function close(liveness: Liveness): Promise<void> {
  liveness.end();
  await liveness.close();
}

memoryTest("liveness: whoever comes, goes or says something new is told", async (group) => {
  const { liveness, told, alive } = watch(group);
  assert.equal(liveness.initialized, false);
  await settle();
  assert.equal(liveness.initialized, true);
  const seen = told.changes;
  group.join([0, 1]);
  group.apply([1], 3);
  await settle();
  assert.deepEqual([alive(), told.changes - seen], ["i0 i1", 3]);
  await group.leave(1);
  await settle();
  assert.deepEqual([alive(), told.changes - seen], ["i0", 4]);
  await close(liveness);
});

memoryTest(
  "liveness: nobody answers: a verdict, an eviction, and lanes freed at once",
  async (group) => {
    const { liveness, told, alive } = watch(group);
    group.join([0, 1, 2]);
    addLanes(group, [0, 1, 2]);
    await group.pass(1_000);
    group.kill([1]);
    await group.clock.advance(DETECTED_MS);
    assert.ok(told.verdicts > 0 && told.missed.includes("i1"));
    assert.equal(alive(), "i0 i1 i2", "nothing is done before the leader looks");
    assert.equal(await liveness.evictAll(), true);
    assert.deepEqual(told.evicted, ["i1: no responders"]);
    assert.equal(alive(), "i0 i2");
    liveness.bury("i1", ["p0001"], false);
    await settle();
    assert.equal(lanes(group), "lane-i0 lane-i2");
    assert.equal(group.messaging.published.length, 1, "what it held was announced as free");
    await close(liveness);
  },
);

memoryTest("liveness: whoever does not renew is evicted for that", async (group) => {
  const { liveness, told } = watch(group);
  group.join([0, 1]);
  await group.pass(1_000);
  group.pause(1);
  await group.pass(5_000);
  assert.equal(await liveness.evictAll(), true);
  assert.deepEqual(told.evicted, []);
  await group.pass(2_000);
  await liveness.evictAll();
  assert.deepEqual(told.evicted, ["i1: lease not renewed"]);
  assert.equal(told.verdicts, 0, "silence is none");
  await close(liveness);
});

memoryTest("liveness: an eviction that fails is still to be done", async (group) => {
  const { liveness, told, alive } = watch(group);
  group.join([0, 1]);
  await group.pass(1_000);
  group.leases.before = (operation) => {
    if (operation === "remove") throw timeout();
  };
  liveness.condemn("i1", "a rumour", group.revisionOf(1));
  assert.equal(await liveness.evictAll(), false);
  assert.equal(told.errors.length, 1);
  group.leases.before = () => {};
  assert.equal(await liveness.evictAll(), true);
  assert.equal(alive(), "i0");
  await close(liveness);
});

memoryTest(
  "liveness: a lease that is merely gone: its holder is given the time to learn of it",
  async (group) => {
    const { liveness } = watch(group);
    group.join([0, 1]);
    addLanes(group, [0, 1]);
    await group.pass(1_000);
    await group.leave(1);
    await settle();
    liveness.bury("i1", [], false);
    await group.clock.advance(1_900);
    assert.equal(lanes(group), "lane-i0 lane-i1");
    await group.clock.advance(200);
    assert.equal(lanes(group), "lane-i0");
    await close(liveness);
  },
);

memoryTest(
  "liveness: whoever came while the leader saw nothing keeps its lanes, whatever the leader knows",
  async (group) => {
    const { liveness, alive } = watch(group);
    group.join([0]);
    await settle();
    group.leases.loseWatches(timeout("watch"));
    group.join([2]);
    addLanes(group, [1, 2]);
    assert.equal(alive(), "i0");
    liveness.sweep();
    await settle();
    assert.equal(lanes(group), "lane-i2");
    await close(liveness);
  },
);

memoryTest("liveness: dead for another reason is dead at once", async (group) => {
  const { liveness } = watch(group);
  addLanes(group, [0, 1]);
  group.join([0]);
  await settle();
  liveness.bury("i1", [], true);
  await settle();
  assert.equal(lanes(group), "lane-i0");
  await close(liveness);
});

memoryTest(
  "liveness: after its own connection was away no verdict counts, old or new",
  async (group) => {
    const { liveness, told, alive } = watch(group);
    group.join([0, 1, 2]);
    await group.pass(1_000);
    liveness.condemn("i2", "no responders", group.revisionOf(2));
    group.messaging.there.clear();
    liveness.excuseAll();
    assert.equal(await liveness.evictAll(), true);
    await group.clock.advance(5_000);
    assert.equal(await liveness.evictAll(), true);
    assert.deepEqual([alive(), told.verdicts], ["i0 i1 i2", 0]);
    await close(liveness);
  },
);

memoryTest(
  "liveness: elected right after a reconnect it judges nobody for a while",
  async (group) => {
    const { liveness, told } = watch(group, 3_000);
    group.join([0, 1]);
    await settle();
    group.kill([1]);
    await group.clock.advance(2_900);
    assert.equal(told.verdicts, 0);
    await group.clock.advance(1_000);
    assert.ok(told.verdicts > 0);
    await close(liveness);
  },
);

memoryTest("liveness: the leader itself is never judged", async (group) => {
  const { liveness, alive } = watch(group);
  group.join([0]);
  group.messaging.there.clear();
  liveness.condemn("i0", "a rumour", group.revisionOf(0));
  await group.clock.advance(1_000);
  assert.equal(await liveness.evictAll(), true);
  assert.equal(alive(), "i0");
  await close(liveness);
});

memoryTest("liveness: after the end nobody is judged, evicted or freed", async (group) => {
  const { liveness, told } = watch(group);
  group.join([0, 1]);
  addLanes(group, [0, 1]);
  await group.pass(1_000);
  liveness.condemn("i1", "a rumour", group.revisionOf(1));
  liveness.end();
  group.kill([1]);
  await group.clock.advance(10_000);
  await liveness.evictAll();
  liveness.bury("i1", [], true);
  liveness.sweep();
  await settle();
  assert.deepEqual([told.verdicts, told.evicted, lanes(group)], [0, [], "lane-i0 lane-i1"]);
  await liveness.close();
});

memoryTest(
  "liveness: after a hint whoever has gone is found at once, and whoever is there is left alone",
  async (group) => {
    const { all, departures } = hints();
    const { liveness, told } = watch(group, 0, departures);
    group.join([0, 1, 2]);
    await settle();
    assert.deepEqual(all.expected, ["i1", "i2"].map((instance) => probeSubject("g", instance)));
    group.kill([1]);
    all.hint(probeSubject("g", "i1"));
    all.hint(probeSubject("g", "i2"));
    // Less than one interval between two rounds.
    await group.clock.advance(150);
    assert.deepEqual([told.verdicts, told.missed], [1, ["i1", "i1"]]);
    await close(liveness);
    assert.equal(all.closed, true);
  },
);
