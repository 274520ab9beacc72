import assert from "node:assert/strict";
import { memoryTrend } from "./memory_trend.ts";

/** A sample a second, of a run whose load begins after ten; workers come and go. */
function samples(seconds: number, megabytes: (atS: number) => number) {
  const untilMs = Array.from({ length: 10 + seconds }, (_, index) => (index + 1) * 1_000);
  const workers = untilMs.map((_, index) => 10 + index % 3);
  const rssBytes = untilMs.map((atMs, index) =>
    megabytes(atMs / 1_000) * 1e6 * (workers[index]! + 2)
  );
  return { untilMs, workers, rssBytes };
}

Deno.test("memory: a process that has warmed up and keeps its size has not grown, however many there are", () => {
  const warm = samples(600, (atS) => atS < 300 ? 50 + atS / 6 : 100);
  assert.deepEqual(memoryTrend(warm, 2, 10_000), { processMb: 100, growth: 1 });
});

Deno.test("memory: planted: a leak shows as growth", () => {
  const { growth } = memoryTrend(samples(600, (atS) => 100 + atS / 10), 2, 10_000);
  assert.ok(growth! > 1.1, String(growth));
});

Deno.test("memory: of a short run, or one in which nothing was told, nothing is said", () => {
  assert.deepEqual(memoryTrend(samples(60, () => 100), 2, 10_000), {
    processMb: 100,
    growth: null,
  });
  const silent = samples(600, () => 0);
  assert.deepEqual(memoryTrend(silent, 2, 10_000), { processMb: null, growth: null });
  const nothing = { untilMs: [], workers: [], rssBytes: [] };
  assert.deepEqual(memoryTrend(nothing, 2, 0), { processMb: null, growth: null });
});
