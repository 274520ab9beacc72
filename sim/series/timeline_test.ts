import assert from "node:assert/strict";
import fc from "fast-check";
import { type Sample, Timeline } from "./timeline.ts";

function sample(second: number, changes: Partial<Sample> = {}): Sample {
  return {
    untilMs: second * 1_000,
    ...{ sent: 10, handled: 10, latencyP50Ms: 2, latencyP99Ms: 5, waiting: 0 },
    ...{ stable: 3, workers: 3, moves: 0, defects: 0, gaps: 0, rssBytes: 100 },
    ...{ meanRssBytes: 50, largestRssBytes: 60, coordinatorRssBytes: 0, serverRssBytes: 0 },
    ...changes,
  };
}

Deno.test("a short run keeps every second", () => {
  const timeline = new Timeline();
  for (let second = 1; second <= 60; second++) timeline.add(sample(second));
  assert.equal(timeline.every, 1);
  assert.equal(timeline.columns.untilMs.length, 60);
  assert.deepEqual(timeline.columns.untilMs.slice(0, 3), [1_000, 2_000, 3_000]);
});

Deno.test("a day stays bounded, and no message is left out of it", () => {
  const timeline = new Timeline();
  const seconds = 24 * 3_600;
  for (let second = 1; second <= seconds; second++) timeline.add(sample(second));
  const { untilMs, sent } = timeline.columns;
  assert.equal(timeline.every, 32);
  assert.ok(untilMs.length <= 3_600, `${untilMs.length}`);
  assert.equal(untilMs.at(-1), seconds * 1_000);
  assert.equal(sent.reduce((sum, count) => sum + count, 0), seconds * 10);
});

Deno.test("what was wrong for a second is still there when samples are put together", () => {
  const timeline = new Timeline(4);
  const bad = {
    ...{ latencyP50Ms: 6, latencyP99Ms: 900, waiting: 70, stable: 1, workers: 2 },
    ...{ moves: 4, gaps: 3, rssBytes: 500, handled: 30 },
    ...{ meanRssBytes: 70, largestRssBytes: 80, coordinatorRssBytes: 9, serverRssBytes: 8 },
  };
  timeline.add(sample(1));
  timeline.add(sample(2, bad));
  timeline.add(sample(3, { defects: 1, latencyP50Ms: null, latencyP99Ms: null, handled: 0 }));
  timeline.add(sample(4, { defects: 2 }));
  assert.deepEqual(timeline.columns, {
    untilMs: [2_000, 4_000],
    sent: [20, 20],
    handled: [40, 10],
    latencyP50Ms: [5, 2],
    latencyP99Ms: [900, 5],
    waiting: [70, 0],
    stable: [1, 3],
    workers: [2, 3],
    moves: [4, 0],
    defects: [0, 2],
    gaps: [3, 0],
    rssBytes: [500, 100],
    meanRssBytes: [70, 50],
    largestRssBytes: [80, 60],
    coordinatorRssBytes: [9, 0],
    serverRssBytes: [8, 0],
  });
});

Deno.test("however many there are: bounded, in order, all of the time, all of the counts", () => {
  fc.assert(fc.property(fc.nat(500), fc.integer({ min: 2, max: 33 }), (count, maxSamples) => {
    const timeline = new Timeline(maxSamples);
    for (let second = 1; second <= count; second++) timeline.add(sample(second, { sent: second }));
    const { untilMs, sent } = timeline.columns;
    assert.ok(untilMs.length <= maxSamples);
    assert.deepEqual(untilMs, untilMs.toSorted((a, b) => a - b));
    assert.equal(untilMs.at(-1), count === 0 ? undefined : count * 1_000);
    assert.equal(sent.reduce((sum, each) => sum + each, 0), count * (count + 1) / 2);
  }));
});
