import assert from "node:assert/strict";
import { median, medianError, spreadOf } from "./spread.ts";

Deno.test("spread: the middle of an odd and of an even number of values, in whatever order", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
  assert.deepEqual(spreadOf([5, 1, 9]), { count: 3, median: 5, min: 1, max: 9 });
});

Deno.test("spread: the error of a median grows with the scatter, and is nothing for equal values", () => {
  assert.equal(medianError([7, 7, 7, 7, 7]), 0);
  // Deviations 2 1 0 1 2: MAD 1, so 1.4826 × √(π/2) ÷ √5.
  assert.ok(Math.abs(medianError([8, 9, 10, 11, 12])! - 0.831) < 0.001);
  assert.ok(Math.abs(medianError([80, 90, 100, 110, 120])! - 8.31) < 0.01);
});

Deno.test("spread: one value far off does not widen it, and two values say nothing", () => {
  assert.equal(medianError([8, 9, 10, 11, 1_000]), medianError([8, 9, 10, 11, 12]));
  assert.equal(medianError([8, 9]), undefined);
});
