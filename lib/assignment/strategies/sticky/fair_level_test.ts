import assert from "node:assert/strict";
import fc from "fast-check";
import { fairLevel } from "./fair_level.ts";

const level = (weights: number[], capacities: number[]) =>
  fairLevel(Float64Array.from(weights), Float64Array.from(capacities));

Deno.test("fair level: what can be shared is shared by capacity", () => {
  assert.deepEqual(level([1, 1, 1, 1, 1, 1], [1, 2]), { level: 2, mean: 2 });
  assert.deepEqual(level([], [1, 1]), { level: 0, mean: 0 });
});

Deno.test("fair level: a partition too heavy to share takes the largest worker for itself", () => {
  assert.deepEqual(level([100, 1, 1, 1, 1], [1, 1, 1]), { level: 2, mean: 104 / 3 });
  // 10 at the worker of 4, and 1 per capacity for the others.
  assert.deepEqual(level([10, 1, 1], [4, 1, 1]), { level: 1, mean: 2 });
  // Not too heavy for the large one.
  assert.deepEqual(level([10, 1, 1], [10, 1, 1]), { level: 1, mean: 1 });
});

Deno.test("fair level: fewer partitions than workers leave nothing for the rest", () => {
  assert.equal(level([1, 1], [1, 1, 1, 1]).level, 0);
});

Deno.test("fair level: is never above the mean and never negative", () => {
  const positive = fc.double({ min: 0.01, max: 1e6, noNaN: true });
  fc.assert(fc.property(fc.array(positive), fc.array(positive, { minLength: 1 }), (w, c) => {
    const found = level(w, c);
    assert.ok(found.level >= 0 && found.level <= found.mean * (1 + 1e-9));
  }));
});
