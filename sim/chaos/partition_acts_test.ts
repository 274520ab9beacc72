import assert from "node:assert/strict";
import { until } from "../../tasks/until.ts";
import { status } from "../run/fleet_rig_test.ts";
import type { PartitionControl } from "../run/partition_control.ts";
import { nowUs } from "../streams/message.ts";
import type { PlannedChaos } from "./chaos_plan.ts";
import { changePartitions, finishChanges, finishCutOff, poison } from "./partition_acts.ts";
import { sceneRig } from "./scene_rig_test.ts";

/** Ten partitions whose first worker has all of them; what is done with them is in `done`, in its order. */
function rig() {
  const done: string[] = [];
  const feed = { waiting: [] as number[] };
  const end = new AbortController();
  const control = {
    strands: false,
    nextWeights: (count: number) => new Array<number>(count).fill(2),
    publish: () => Promise.resolve(void done.push(`list of ${state.partitions.current.length}`)),
    tellProducers: () => {
      const { added, retired } = state.partitions.changes;
      return Promise.resolve(void done.push(`tell ${added.join()} and ${retired.join()}`));
    },
    poison: (partition: number) => Promise.resolve(void done.push(`poison ${partition}`)),
    waiting: (partitions: readonly number[]) => {
      return Promise.resolve(feed.waiting.filter((one) => partitions.includes(one)));
    },
  } as unknown as PartitionControl;
  const { scene, members, state } = sceneRig([], { partitions: control, signal: end.signal });
  const [owner] = members.running("worker");
  const owns = (partitions: readonly number[]) => {
    owner!.status = status({ owned: partitions });
    owner!.statusUs = nowUs();
    const { process } = owner!;
    const report = { kind: "lanes", change: "acquired", partitions, atUs: nowUs() } as const;
    state.takeReport(process, report);
  };
  owns([...state.partitions.current]);
  return { done, feed, end, scene, state, owns };
}

function event(partitions: PlannedChaos["partitions"] & object, picks = [0, 0.5, 0.99]) {
  const what = { number: 1, atMs: 0, type: "partition_changes", count: 1, downMs: 0 } as const;
  return { ...what, picks, partitions } satisfies PlannedChaos;
}

Deno.test("partition acts: what goes is drained before it leaves the list, and the recovery is measured when all is in its place", async () => {
  const { done, feed, scene, state, owns } = rig();
  feed.waiting = [0, 5];
  changePartitions(scene, event({ add: 2, remove: 3 }));
  const [record] = scene.records;
  assert.equal(record!.target, "adding 10, 11, removing 0, 5, 9");
  await until("told", () => done.length === 2);
  assert.deepEqual(done, ["list of 12", "tell 10,11 and 0,5,9"]);
  feed.waiting = [];
  await until("removed", () => done.length === 3);
  assert.equal(done[2], "list of 9", "only now");
  assert.equal(record!.recoveredMs, null, "nobody owns the new ones, and somebody the old ones");
  owns(state.partitions.current);
  await scene.settle();
  assert.ok(record!.recoveredMs !== null);
  assert.deepEqual(state.partitions.counts, { added: 2, removed: 3 });
  assert.deepEqual(state.incidents, []);
});

Deno.test("partition acts: what a killed coordinator had begun to take away is drained and goes, by the next one", async () => {
  const { done, feed, scene, state, owns } = rig();
  state.partitions.retire([0, 5], nowUs());
  feed.waiting = [5];
  const moves = { total: 0, needed: 0 };
  const of = { number: 1, atMs: 0, target: "", recoveredMs: null, wholeMs: null, moves };
  const amiss = finishChanges(scene, { ...of, type: "partition_changes" });
  await until("not drained", () => amiss() === "partitions 5 are not drained");
  feed.waiting = [];
  await until("removed", () => done.length === 3);
  assert.deepEqual(done, ["list of 10", "tell  and 0,5", "list of 8"]);
  assert.match(amiss() ?? "", /still have an owner|not drained/);
  owns(state.partitions.current);
  await scene.settle();
  assert.equal(amiss(), undefined);
  assert.deepEqual(state.partitions.counts, { added: 0, removed: 2 });
});

Deno.test("partition acts: a run that was resumed takes away what was to go, and that event has its window", async () => {
  const { done, scene, state, owns } = rig();
  const moves = { total: 0, needed: 0 };
  const of = { number: 1, atMs: 0, target: "", recoveredMs: null, wholeMs: null, moves };
  scene.records.push({ ...of, type: "partition_changes" });
  finishCutOff(scene);
  assert.deepEqual([done, scene.validation.isOpen], [[], false], "nothing was cut off");
  state.partitions.retire([0, 5], nowUs());
  finishCutOff(scene);
  assert.deepEqual(scene.validation.open, [1]);
  await until("removed", () => done.length === 3);
  owns(state.partitions.current);
  await scene.settle();
  assert.deepEqual(state.partitions.counts, { added: 0, removed: 2 });
});

Deno.test("partition acts: planted: what is not drained stays in the list, and the event fails by its name", async () => {
  const { done, feed, scene, state, owns } = rig();
  feed.waiting = [5];
  const change = event({ add: 0, remove: 2 });
  changePartitions(scene, change);
  scene.acted(change);
  const [record] = scene.records;
  await until("failed", () => {
    owns(state.partitions.current);
    scene.validation.look();
    return record!.failed !== undefined;
  });
  await scene.settle();
  assert.equal(record!.recoveredMs, null);
  assert.deepEqual(done, ["list of 10", "tell  and 0,5"]);
  assert.deepEqual(state.partitions.counts, { added: 0, removed: 0 });
  assert.deepEqual(state.incidents, [
    "#1 partition_changes (adding none, removing 0, 5): " +
    "not whole again within 1s: partitions 5 are not drained",
  ]);
});

Deno.test("partition acts: a run that is ended waits for nothing", async () => {
  const { feed, end, scene } = rig();
  feed.waiting = [0];
  changePartitions(scene, event({ add: 1, remove: 1 }, [0]));
  end.abort();
  await scene.settle();
  assert.equal(scene.records[0]!.recoveredMs, null);
});

Deno.test("partition acts: half of the partitions stay, and none goes that is held up", async () => {
  const { end, scene, state } = rig();
  poison(scene, { ...event({ add: 0, remove: 0 }, [0]), number: 2, type: "poison_message" });
  changePartitions(scene, event({ add: 0, remove: 9 }, new Array(9).fill(0)));
  assert.equal(scene.records[1]!.target, "adding none, removing 1, 2, 3, 4, 5");
  assert.deepEqual(state.partitions.loaded, [0, 6, 7, 8, 9]);
  end.abort();
  await scene.settle();
});

Deno.test("partition acts: a partition is held up until the message behind the poisoned one has its effect", async () => {
  const { done, scene, state } = rig();
  const event2 = { ...event({ add: 0, remove: 0 }, [0.3]), number: 2 } as const;
  poison(scene, { ...event2, type: "poison_message" });
  await scene.settle();
  assert.deepEqual(done, ["poison 3"]);
  const [record] = scene.records;
  const { poisonings } = state.measurements;
  poisonings.began(3, 8, 1_000);
  poisonings.deadLettered(3, 8);
  assert.equal(record!.recoveredMs, null);
  poisonings.effective(3, 9, 501_000);
  assert.equal(record!.recoveredMs, 500);
  poison(scene, { ...event2, type: "poison_message", picks: [0.3] });
  assert.equal(scene.records[1]!.target, "partition 3", "it may be hit again");
});

Deno.test("partition acts: without a way to change them nothing is changed", () => {
  const { scene } = sceneRig([]);
  changePartitions(scene, event({ add: 1, remove: 1 }));
  poison(scene, { ...event({ add: 0, remove: 0 }), type: "poison_message" });
  assert.deepEqual(scene.records.map(({ skipped }) => skipped), [
    "the partitions of this run are fixed",
    "no partition is there that is well",
  ]);
});
