import assert from "node:assert/strict";
import { DurationHistogram } from "./histogram.ts";

Deno.test("how many durations are at most so long, however often it is asked", () => {
  const histogram = new DurationHistogram();
  const bounds = [100, 1_000, 1_000_000];
  assert.deepEqual(histogram.upTo(bounds), { counts: [0, 0, 0], sumUs: 0 });
  for (const us of [0, 100, 101, 1_000, 5_000_000]) histogram.record(us);
  for (const _ of ["once", "again"]) {
    const { counts, sumUs } = histogram.upTo(bounds);
    assert.deepEqual(counts, [2, 4, 4]);
    assert.ok(Math.abs(sumUs - 5_001_201) < 5_001, String(sumUs));
  }
  histogram.record(7);
  assert.deepEqual(histogram.upTo(bounds).counts, [3, 5, 5]);
});
