import assert from "node:assert/strict";
import { backoffMs, jitter } from "./random.ts";

Deno.test("backoff: twice as long after each failure, up to the bound, however many there are", () => {
  const delays = [0, 1, 2, 3, 4].map((failures) => backoffMs(100, failures, 1_000));
  assert.deepEqual(delays, [100, 200, 400, 800, 1_000]);
  assert.equal(backoffMs(100, 1e9, Infinity), 100 * 1_024);
});

Deno.test("jitter: between a half and all of it", () => {
  const at = (float: number) => jitter({ float: () => float, uuid: () => "" }, 100);
  assert.deepEqual([at(0), at(0.5)], [50, 75]);
});
