import assert from "node:assert/strict";
import { type Snapshot, weightTable } from "../assignment/snapshot.ts";
import type { Assignment } from "../manager/hooks.ts";
import { assignmentOf, desiredOf, freezeAssignment, sameIds } from "./own_assignment.ts";

/** An assignment by instance: `{ i0: "a b", i1: "c" }`. */
function snapshot(
  owned: Record<string, string>,
  weights: [string, number][] = [],
  generation = 4,
): Snapshot {
  return {
    epoch: 3,
    generation,
    leader: { worker: "worker-0", instance: "i0" },
    reason: "refresh",
    atMs: 0,
    workers: Object.entries(owned).map(([instance, names]) => ({
      id: `worker-${instance.slice(1)}`,
      instance,
      partitions: names === "" ? [] : names.split(" "),
    })),
    weights: weightTable(weights),
  };
}

function assignment(generation: number, ...names: string[]): Assignment {
  return { epoch: 1, generation, partitions: names.map((name) => ({ keys: name.split(".") })) };
}

Deno.test("own assignment: the worker's part with its weights; whoever is not listed has nothing", () => {
  const group = snapshot({ i0: "a eu.b", i1: "c" }, [["eu.b", 5]]);
  assert.deepEqual(assignmentOf(group, group.workers[0]), {
    epoch: 3,
    generation: 4,
    partitions: [{ keys: ["a"], weight: 1 }, { keys: ["eu", "b"], weight: 5 }],
  });
  assert.deepEqual(assignmentOf(group, undefined).partitions, []);
});

Deno.test("own assignment: a partition called like a property of all objects weighs 1", () => {
  const group = snapshot({ i0: "constructor" });
  assert.equal(assignmentOf(group, group.workers[0]).partitions[0]?.weight, 1);
});

Deno.test("own assignment: frozen all through", () => {
  const group = snapshot({ i0: "a eu.b" });
  const own = assignmentOf(group, group.workers[0]);
  const loose = assignment(1, "a");
  assert.equal(freezeAssignment(loose), loose);
  for (const frozen of [own, loose]) {
    const parts = frozen.partitions.flatMap((partition) => [partition, partition.keys]);
    for (const part of [frozen, frozen.partitions, ...parts]) assert.ok(Object.isFrozen(part));
  }
});

Deno.test("own assignment: the same partitions, whatever weights and generations say", () => {
  const heavier = { ...assignment(2), partitions: [{ keys: ["a"], weight: 7 }] };
  assert.ok(sameIds(assignment(1, "a"), heavier));
  assert.ok(sameIds(assignment(1), assignment(2)));
  assert.ok(!sameIds(assignment(1, "a"), assignment(1)));
  assert.ok(!sameIds(assignment(1, "a", "b"), assignment(1, "a", "c")), "a swap of equal size");
  assert.ok(!sameIds(assignment(1, "a.b"), assignment(1, "a", "b")), "one of two keys");
});

Deno.test("own assignment: the consumer is told from whom a partition comes and to whom it goes", () => {
  const before = snapshot({ i0: "a", i1: "b", i2: "c d" }, [], 3);
  const after = snapshot({ i0: "b c", i1: "d", i3: "a" });
  const own = assignmentOf(after, after.workers[0]);
  const desired = desiredOf(own, "i0", after, before, new Set(["a", "d", "gone"]));
  assert.equal(desired.partitions, own.partitions);
  assert.deepEqual([desired.epoch, desired.generation], [3, 4]);
  assert.deepEqual(["i0", "i1", "i2", "i3"].map((one) => desired.isKnown!(one)), [
    true,
    true,
    false,
    true,
  ]);
  // Its own need no announcement, the dead make none, and what is new has nobody who could.
  assert.deepEqual(["a", "b", "c", "new"].map((id) => desired.contenderOf!(id)), [
    undefined,
    "i1",
    undefined,
    undefined,
  ]);
  // Of what it keeps, and of what it never had, it has nothing to tell.
  assert.deepEqual(["a", "b", "c", "d", "gone"].map((id) => desired.successorOf!(id)), [
    "i3",
    undefined,
    undefined,
    "i1",
    undefined,
  ]);
});

Deno.test("own assignment: without an assignment before it nobody holds anything", () => {
  const group = snapshot({ i0: "a", i1: "b" });
  const own = assignmentOf(group, group.workers[0]);
  const desired = desiredOf(own, "i0", group, undefined, new Set());
  assert.equal(desired.contenderOf!("a"), undefined);
  assert.equal(desired.contenderOf!("b"), undefined);
  assert.equal(desired.successorOf!("b"), undefined);
});
