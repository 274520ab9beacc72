import assert from "node:assert/strict";
import { memoryTrend } from "./memory_trend.ts";

/** A sample a second, of a run whose load begins after ten; each in megabytes, 100 unless told otherwise. */
function samples(seconds: number, changes: Record<string, (atS: number) => number> = {}) {
  const untilMs = Array.from({ length: 10 + seconds }, (_, index) => (index + 1) * 1_000);
  const column = (name: string) =>
    untilMs.map((atMs) => (changes[name] ?? (() => 100))(atMs / 1_000) * 1e6);
  return {
    untilMs,
    meanRssBytes: column("mean"),
    largestRssBytes: column("largest"),
    coordinatorRssBytes: column("coordinator"),
    serverRssBytes: column("server"),
  };
}

const steady = { mb: 100, growth: 1 };

Deno.test("memory: what has warmed up and keeps its size has not grown", () => {
  const warm = samples(600, { mean: (atS) => atS < 300 ? 50 + atS / 6 : 100 });
  const all = { process: steady, largest: steady, coordinator: steady, server: steady };
  assert.deepEqual(memoryTrend(warm, 10_000), all);
});

Deno.test("memory: planted: a leak shows as growth, of whatever it is that leaks", () => {
  const leak = (atS: number) => 100 + atS / 10;
  for (
    const [column, name] of [
      ["mean", "process"],
      ["largest", "largest"],
      ["coordinator", "coordinator"],
      ["server", "server"],
    ] as const
  ) {
    const { [name]: leaking, ...others } = memoryTrend(samples(600, { [column]: leak }), 10_000);
    assert.ok(leaking.growth! > 1.09, `${name}: ${leaking.growth}`);
    assert.deepEqual(Object.values(others), [steady, steady, steady]);
  }
});

Deno.test("memory: of a short run, or one in which nothing was told, nothing is said", () => {
  assert.deepEqual(memoryTrend(samples(60), 10_000).process, { mb: 100, growth: null });
  const silent = samples(600, { server: () => 0 });
  assert.deepEqual(memoryTrend(silent, 10_000).server, { mb: null, growth: null });
  assert.deepEqual(memoryTrend(samples(-10), 0).process, { mb: null, growth: null });
});
