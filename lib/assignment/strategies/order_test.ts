import assert from "node:assert/strict";
import fc from "fast-check";
import { isPartiError } from "../../errors.ts";
import { compareText, compareWorkerIds, sortedPartitions, sortedWorkers } from "./order.ts";
import { partitions, workers } from "./strategy_testing.ts";

const input = (list: ReturnType<typeof workers>) => ({
  workers: list,
  partitions: [],
  previous: new Map(),
});

Deno.test("order: worker-2 comes before worker-10", () => {
  const ids = ["worker-10", "worker-2", "b-1", "worker-1", "worker-01", "worker", "a-99"];
  assert.deepEqual(
    ids.sort(compareWorkerIds),
    ["a-99", "b-1", "worker", "worker-01", "worker-1", "worker-2", "worker-10"],
  );
});

Deno.test("order: the order of worker IDs is total", () => {
  const id = fc.tuple(fc.constantFrom("", "a", "a-", "b1-"), fc.stringMatching(/^[0-9]{0,12}$/))
    .map((parts) => parts.join(""));
  fc.assert(fc.property(id, id, id, (a, b, c) => {
    assert.equal(Math.sign(compareWorkerIds(a, b)) + Math.sign(compareWorkerIds(b, a)), 0);
    assert.equal(compareWorkerIds(a, b) === 0, a === b);
    if (compareWorkerIds(a, b) <= 0 && compareWorkerIds(b, c) <= 0) {
      assert.ok(compareWorkerIds(a, c) <= 0);
    }
  }));
});

Deno.test("order: text is compared by code units, not by language", () => {
  assert.deepEqual(["ä", "z", "Z", "a"].sort(compareText), ["Z", "a", "z", "ä"]);
});

Deno.test("order: sorted lists are returned as they are, others as sorted copies", () => {
  const sorted = workers(12);
  assert.equal(sortedWorkers(input(sorted)), sorted);
  const reversed = sorted.toReversed();
  assert.deepEqual(sortedWorkers(input(reversed)), sorted);
  assert.equal(reversed[0]!.id, "worker-11");
  const parts = partitions(20);
  assert.deepEqual(
    sortedPartitions({ workers: sorted, partitions: parts.toReversed(), previous: new Map() }),
    parts,
  );
});

Deno.test("order: no workers, the same one twice and bad capacities are refused", () => {
  const invalid = (error: unknown) => isPartiError(error, "PARTI_INVALID_ASSIGNMENT");
  assert.throws(() => sortedWorkers(input([])), invalid);
  assert.throws(() => sortedWorkers(input(workers([1, 2, 1]))), invalid);
  for (const capacity of [0, -1, NaN, Infinity]) {
    assert.throws(() => sortedWorkers(input(workers(2, () => capacity))), invalid);
  }
});
