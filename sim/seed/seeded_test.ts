import assert from "node:assert/strict";
import { freshSeed, Seeded } from "./seeded.ts";

Deno.test("the same key gives the same draw on every machine", () => {
  // Golden: a change here changes what every recorded seed means.
  const draws = [0, 1, 2].map((counter) => new Seeded(42, "chaos", "worker-1").float(counter));
  assert.deepEqual(draws, GOLDEN);
});

const GOLDEN = [0.6736338856551666, 0.19680847238970578, 0.10507580200800681];

Deno.test("seed, label, entity and counter each matter", () => {
  const base = new Seeded(1, "a", "x").float(0);
  assert.notEqual(base, new Seeded(2, "a", "x").float(0));
  assert.notEqual(base, new Seeded(1, "b", "x").float(0));
  assert.notEqual(base, new Seeded(1, "a", "y").float(0));
  assert.notEqual(base, new Seeded(1, "a", "x").float(1));
  assert.notEqual(new Seeded(1, "ab", "c").float(0), new Seeded(1, "a", "bc").float(0));
});

Deno.test("draws are even", () => {
  const seeded = new Seeded(7, "even");
  const buckets = new Array<number>(10).fill(0);
  for (let counter = 0; counter < 20_000; counter++) buckets[seeded.int(counter, 0, 9)]!++;
  for (const count of buckets) assert.ok(Math.abs(count - 2_000) < 200, buckets.join());
  for (let counter = 0; counter < 1_000; counter++) {
    const ms = seeded.durationMs(counter, { minMs: 5_000, maxMs: 8_000 });
    assert.ok(ms >= 5_000 && ms < 8_000);
  }
});

Deno.test("a shuffle keeps every item, repeats, and differs by seed", () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const once = new Seeded(3, "shuffle").shuffled(items);
  assert.deepEqual(once, new Seeded(3, "shuffle").shuffled(items));
  assert.notDeepEqual(once, items);
  assert.notDeepEqual(once, new Seeded(4, "shuffle").shuffled(items));
  assert.deepEqual(once.toSorted((a, b) => a - b), items);
});

Deno.test("a fresh seed is a whole number the configuration accepts", () => {
  for (let round = 0; round < 100; round++) {
    const seed = freshSeed();
    assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 1_000_000);
  }
});
