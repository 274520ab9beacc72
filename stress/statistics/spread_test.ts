import assert from "node:assert/strict";
import { median, spreadOf } from "./spread.ts";

Deno.test("spread: the middle of an odd and of an even number of values, in whatever order", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
  assert.deepEqual(spreadOf([5, 1, 9]), { count: 3, median: 5, min: 1, max: 9 });
});
