import assert from "node:assert/strict";
import { Seeded } from "../../sim/seed/seeded.ts";
import { describeGrowth, describeLeak, judgeLeak, WATCHED, watchedIn } from "./judge.ts";

const HEAP = WATCHED[0];

/** A heap of ten minutes, looked at every 2.5 s, that scatters by a tenth of a megabyte and grows by so much per minute. */
function heapThatGrows(perMinuteMb: number, seed = 1) {
  const chance = new Seeded(seed, "heap");
  const at = Array.from({ length: 240 }, (_, n) => n * 2.5);
  const heap = at.map((seconds, n) => 20 + perMinuteMb * seconds / 60 + chance.float(n) * 0.1);
  return judgeLeak(HEAP, at, heap, 600);
}

Deno.test("leak: a heap that only scatters does not leak, whatever the chances", () => {
  for (let seed = 0; seed < 50; seed++) {
    assert.equal(heapThatGrows(0, seed).leaks, false, `${seed}`);
  }
});

Deno.test("leak: planted: 100 KB per minute is found and told in numbers", () => {
  for (let seed = 0; seed < 50; seed++) {
    assert.equal(heapThatGrows(0.1, seed).leaks, true, `${seed}`);
  }
  assert.match(
    describeLeak(heapThatGrows(0.1)),
    /^the heap grows by 0\.\d+ MB per minute \(95 %: /,
  );
});

Deno.test("leak: growth below the floor is noise, and so is what only happens in the beginning", () => {
  assert.equal(heapThatGrows(0.03).leaks, false);
  const at = Array.from({ length: 100 }, (_, n) => n);
  const warmUp = at.map((n) => 20 + Math.min(n, 20) * 0.2 + (n % 3) * 0.01);
  assert.equal(judgeLeak(HEAP, at, warmUp, 100).leaks, false);
});

Deno.test("leak: growth below the floor that is told from zero is said to be; what leaks, or only scatters, has no such note", () => {
  assert.match(
    describeGrowth(heapThatGrows(0.03))!,
    /^the heap grows by 0\.0\d+ MB per minute, 0\.0\d+ at least \(95 %\): told from zero, and below the floor, 0\.05, /,
  );
  assert.equal(describeGrowth(heapThatGrows(0.1)), undefined);
  assert.equal(describeGrowth(judgeLeak(HEAP, [1], [5], 10)), undefined);
  const at = Array.from({ length: 60 }, (_, n) => n * 10);
  for (const values of [at.map(() => 2.345678), at.map((_, n) => 50 + n % 3)]) {
    assert.equal(describeGrowth(judgeLeak(HEAP, at, values, 600)), undefined);
  }
});

Deno.test("leak: too few samples are no leak, and no slope", () => {
  const { fit, leaks } = judgeLeak(HEAP, [1], [5], 10);
  assert.deepEqual([fit, leaks], [undefined, false]);
});

Deno.test("leak: planted: of whatever is watched, what grows steadily is found, what comes and goes is not", () => {
  const at = Array.from({ length: 60 }, (_, n) => n * 10);
  for (const watched of WATCHED) {
    const over = (values: number[]) => judgeLeak(watched, at, values, 600);
    const growing = over(
      at.map((seconds, n) => 50 + watched.floor * 3 * seconds / 600 + n % 2 * 0.1),
    );
    assert.equal(growing.leaks, true, watched.name);
    assert.match(describeLeak(growing), new RegExp(`^${watched.what} grows by \\d`));
    assert.equal(over(at.map((_, n) => 50 + n % 3)).leaks, false, watched.name);
    assert.equal(over(at.map(() => 50)).leaks, false, watched.name);
  }
});

Deno.test("leak: planted: a short run is over before workers have merged their lanes, which is no leak; ten handles for each cycle are one", () => {
  // As they were counted in runs of twelve and of thirty seconds beside other work.
  const runs = [
    {
      seconds: 12,
      at: [1, 2.5, 3.8, 5.1, 6.4, 7.9, 9.3, 10.7, 12],
      consumers: [49, 51, 51, 52, 53, 53, 55, 55, 55],
    },
    {
      seconds: 30,
      at: [2.5, 5.5, 8.3, 11.4, 14.5, 17.6, 20.7, 23.8, 26.8, 29.8],
      consumers: [49, 53, 53, 54, 55, 55, 57, 60, 67, 60],
    },
    {
      seconds: 30,
      at: [2.5, 5.6, 8.6, 11.9, 14.9, 17.9, 21, 23.9, 26.8, 29.8],
      consumers: [49, 51, 51, 53, 58, 59, 59, 59, 65, 63],
    },
  ];
  for (const { seconds, at, consumers } of runs) {
    const judged = (values: readonly number[], like = seconds) => {
      const watched = watchedIn(like).find(({ name }) => name === "consumers")!;
      return judgeLeak(watched, at, values, seconds).leaks;
    };
    assert.equal(judged(consumers), false);
    assert.equal(judged(consumers.map((count, cycle) => count + 10 * cycle)), true);
    assert.equal(judged(consumers, 600), true, "by the floor of a long run");
  }
});
