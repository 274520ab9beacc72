import assert from "node:assert/strict";
import { Buckets } from "./buckets.ts";

Deno.test("a value counts in each bucket whose bound it does not exceed", () => {
  const buckets = new Buckets([1, 5, 10]);
  for (const value of [0, 1, 5.5, 10, 99]) buckets.add(value);
  assert.deepEqual(buckets.distribution, { counts: [2, 2, 4], count: 5, sum: 115.5 });
});
