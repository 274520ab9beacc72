import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { BalanceWatch } from "./balance_watch.ts";
import {
  type Computation,
  type ComputationInput,
  computeSnapshot,
  differsFromSource,
  imbalanceOf,
} from "./computation.ts";
import { assertCovered, partitions, record, simple } from "./leader_rig_test.ts";
import { partitionId } from "../partition.ts";
import { type Snapshot, weightTable } from "../snapshot.ts";
import { stickyBalanced } from "../strategies/sticky_balanced.ts";

const EMPTY: Snapshot = {
  epoch: 5,
  generation: 3,
  leader: { worker: "worker-0", instance: "i0" },
  reason: "cold_start",
  atMs: 0,
  workers: [],
  weights: weightTable([]),
};

const list = (count: number) =>
  partitions(count).map((partition) => ({ id: partitionId(partition), weight: 1 }));

function compute(changes: Partial<ComputationInput> = {}): Computation {
  const before = changes.before ?? EMPTY;
  return computeSnapshot({
    before,
    generation: before.generation + 1,
    members: [record(0), record(1), record(2)],
    partitions: list(12),
    strategy: stickyBalanced(),
    leader: { worker: "worker-0", instance: "i0" },
    reason: "cold_start",
    nowMs: 77,
    ...changes,
  });
}

const isInvalid = (error: unknown) => isPartiError(error, "PARTI_INVALID_ASSIGNMENT");

Deno.test("computation: everything once, in the next generation", () => {
  const { snapshot, movedCount } = compute();
  assertCovered(snapshot, 12, "worker-0 worker-1 worker-2");
  assert.equal(snapshot.generation, 4);
  assert.equal(snapshot.epoch, 5);
  assert.equal(snapshot.atMs, 77);
  assert.equal(movedCount, 12);
  for (const worker of snapshot.workers) {
    assert.deepEqual(worker.partitions, [...worker.partitions].sort());
  }
});

Deno.test("computation: a leaver stays listed, with nothing", () => {
  const before = compute().snapshot;
  const { snapshot, movedCount } = compute({
    before,
    members: [record(0), record(1, { leaving: true }), record(2)],
  });
  assertCovered(snapshot, 12, "worker-0 worker-2");
  assert.deepEqual(snapshot.workers[1], { id: "worker-1", instance: "i1", partitions: [] });
  assert.equal(movedCount, 4);
});

Deno.test("computation: another life of a worker gets what the first one had", () => {
  const before = compute().snapshot;
  const { snapshot, movedCount } = compute({
    before,
    members: [record(0), record(1, { instance: "again" }), record(2)],
  });
  assert.equal(movedCount, 0);
  assert.deepEqual(snapshot.workers[1]!.partitions, before.workers[1]!.partitions);
  assert.equal(snapshot.workers[1]!.instance, "again");
});

Deno.test("computation: weights are kept, whatever partitions are called", () => {
  const heavy = [{ id: "__proto__", weight: 3 }, { id: "constructor", weight: 1 }, {
    id: "p",
    weight: 2,
  }];
  const { snapshot } = compute({ partitions: heavy });
  assert.equal(differsFromSource(snapshot, heavy), false);
  assert.equal(snapshot.weights["__proto__"], 3);
  assert.equal(snapshot.weights["constructor"], undefined);
  const changed = heavy.map((each) => ({ ...each, weight: 1 }));
  assert.equal(differsFromSource(snapshot, changed), true);
  assert.equal(differsFromSource(snapshot, heavy.slice(1)), true);
  assert.equal(differsFromSource(snapshot, [...heavy, { id: "q", weight: 1 }]), true);
});

Deno.test("computation: a custom strategy's faulty answer is refused", () => {
  const faults: ComputationInput["strategy"][] = [
    () => new Map(),
    ({ partitions }) => new Map(partitions.map(({ id }) => [id, "nobody"])),
    ({ partitions }) => new Map([["stranger", "worker-0"], ...partitions.map(toFirst)]),
    () => undefined as unknown as ReadonlyMap<string, string>,
    () => {
      throw new TypeError("oops");
    },
    // deno-lint-ignore require-await -- Rejected, it would end this process.
    (async () => {
      throw new TypeError("oops");
    }) as unknown as ComputationInput["strategy"],
    // A leaver is not one of the workers it was given.
    ({ partitions }) => new Map(partitions.map(({ id }) => [id, "worker-2"])),
  ];
  for (const strategy of faults) {
    const members = [record(0), record(1), record(2, { leaving: true })];
    assert.throws(() => compute({ strategy, members }), isInvalid, String(strategy));
  }
});

const toFirst = ({ id }: { id: string }): [string, string] => [id, "worker-0"];

Deno.test("computation: what a strategy does to its input does nothing to ours", () => {
  const before = compute().snapshot;
  const copy = structuredClone(before.workers);
  const given = list(12);
  const members = [0, 1, 2].map((n) => record(n, { labels: { zone: "a" } }));
  const { snapshot } = compute({
    before,
    members,
    partitions: given,
    strategy: (input) => {
      const answer = new Map(input.partitions.map(toFirst));
      for (const partition of input.partitions) (partition as { weight: number }).weight = 9;
      for (const { labels } of input.workers) (labels as Record<string, string>)["zone"] = "b";
      (input.partitions as unknown[]).reverse().pop();
      (input.workers as unknown[]).pop();
      (input.previous as Map<string, string>).clear();
      return answer;
    },
  });
  assertCovered(snapshot, 12, "worker-0");
  assert.deepEqual(given, list(12));
  assert.deepEqual(before.workers, copy);
  assert.deepEqual([snapshot.weights, members[0]!.labels], [weightTable([]), { zone: "a" }]);
});

Deno.test("computation: two members with one ID would be two owners of one partition", () => {
  const members = [record(0), record(0, { instance: "twin" })];
  const strategy: ComputationInput["strategy"] = ({ partitions }) =>
    new Map(partitions.map(toFirst));
  assert.throws(
    () => compute({ members, strategy }),
    (error) => isPartiError(error, "PARTI_INVARIANT"),
  );
});

Deno.test("imbalance: the most loaded worker for its capacity, against the mean", () => {
  const { snapshot } = compute({ strategy: simple });
  const three = [record(0), record(1), record(2)];
  assert.equal(imbalanceOf(snapshot, three), 0);
  // One of three is to carry twice as much: the others are a third above the mean.
  const stronger = [record(0, { capacity: 2 }), record(1), record(2)];
  assert.ok(Math.abs(imbalanceOf(snapshot, stronger) - 1 / 3) < 1e-9);
  // A joiner has nothing yet; a leaver does not count.
  assert.ok(Math.abs(imbalanceOf(snapshot, [...three, record(3)]) - 1 / 3) < 1e-9);
  assert.equal(imbalanceOf(snapshot, [...three, record(3, { leaving: true })]), 0);
  assert.equal(imbalanceOf(EMPTY, three), 0);
});

Deno.test("imbalance: a strategy is asked once for each assignment and each set of capacities", () => {
  const { snapshot } = compute({ strategy: simple });
  const watch = new BalanceWatch(0.15);
  const even = [record(0), record(1), record(2)];
  const uneven = [record(0, { capacity: 2 }), record(1), record(2)];
  assert.equal(watch.isUneven(snapshot, even), false);
  assert.equal(watch.isUneven(snapshot, uneven), true);
  assert.equal(watch.isUneven(snapshot, uneven), true);
  watch.settle(snapshot, uneven);
  assert.equal(watch.isUneven(snapshot, uneven), false);
  assert.equal(watch.isUneven({ ...snapshot }, uneven), true);
  assert.equal(new BalanceWatch(0.5).isUneven(snapshot, uneven), false);
});
