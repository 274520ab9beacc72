import assert from "node:assert/strict";
import { isTooFar, skewOf } from "./clock_skew.ts";

Deno.test("clocks: the offset is taken at the middle of question and answer", () => {
  assert.deepEqual(skewOf(1_000, 1_005, 1_010), { offsetMs: 0, errorMs: 5 });
  assert.deepEqual(skewOf(1_000, 1_503, 1_006), { offsetMs: 500, errorMs: 3 });
});

Deno.test("clocks: only what is certain is too far: a slow answer tells little", () => {
  assert.ok(!isTooFar(skewOf(1_000, 1_010, 1_002)));
  assert.ok(isTooFar(skewOf(1_000, 1_013, 1_002)), "11 ms, whichever way was the slow one");
  assert.ok(isTooFar(skewOf(1_000, 900, 1_002)), "behind is as bad as ahead");
  assert.ok(!isTooFar(skewOf(1_000, 1_600, 2_000)), "it may all have been on the way");
});
