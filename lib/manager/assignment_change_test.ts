import assert from "node:assert/strict";
import { changeBetween } from "./assignment_change.ts";
import type { Assignment } from "./hooks.ts";

function assignment(generation: number, ...names: string[]): Assignment {
  return { epoch: 1, generation, partitions: names.map((name) => ({ keys: name.split(".") })) };
}

function names(partitions: readonly { keys: readonly string[] }[]): string[] {
  return partitions.map(({ keys }) => keys.join("."));
}

Deno.test("the first assignment is all added", () => {
  const after = assignment(1, "a", "b.c");
  const change = changeBetween(undefined, after);
  assert.deepEqual(names(change.added), ["a", "b.c"]);
  assert.deepEqual(names(change.removed), []);
  assert.equal(change.assignment, after);
});

Deno.test("a swap of equal size is a difference: sets are compared, never counts", () => {
  const change = changeBetween(assignment(1, "a", "b"), assignment(2, "b", "c"));
  assert.deepEqual(names(change.added), ["c"]);
  assert.deepEqual(names(change.removed), ["a"]);
  assert.deepEqual(names(change.all), ["b", "c"]);
});

Deno.test("nothing left is all removed; another order or weight is no difference", () => {
  assert.deepEqual(names(changeBetween(assignment(1, "a", "b"), assignment(2)).removed), [
    "a",
    "b",
  ]);
  const heavier = { ...assignment(2), partitions: [{ keys: ["b"], weight: 5 }, { keys: ["a"] }] };
  const same = changeBetween(assignment(1, "a", "b"), heavier);
  assert.deepEqual([same.added, same.removed], [[], []]);
});

Deno.test("keys are told apart by their dots", () => {
  const change = changeBetween(assignment(1, "a.b"), assignment(2, "a-b"));
  assert.deepEqual([names(change.added), names(change.removed)], [["a-b"], ["a.b"]]);
});
