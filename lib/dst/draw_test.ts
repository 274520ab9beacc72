import assert from "node:assert/strict";
import { drawnRandom, Draws } from "./draw.ts";

/** How far counts are from equal ones, in standard deviations of the statistic; below 4 it is chance. */
function unevenness(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const degrees = counts.length - 1;
  return (chiSquare - degrees) / Math.sqrt(2 * degrees);
}

function assertEven(counts: readonly number[], what: string): void {
  const uneven = unevenness(counts);
  assert.ok(Math.abs(uneven) < 4, `${what}: ${uneven.toFixed(1)} standard deviations off`);
}

function count(cells: number, times: number, next: (i: number) => number): number[] {
  const counts = new Array<number>(cells).fill(0);
  for (let i = 0; i < times; i++) counts[next(i)]!++;
  return counts;
}

/** Pairs fall evenly into a square of cells only if knowing one tells nothing of the other. */
function assertIndependent(what: string, pair: (i: number) => [number, number]): void {
  const counts = count(256, 64_000, (i) => {
    const [a, b] = pair(i);
    return Math.floor(a * 16) * 16 + Math.floor(b * 16);
  });
  assertEven(counts, what);
}

const first = (seed: number, label = "latency", entity = "worker-3"): number =>
  new Draws(seed, label, entity).float();

Deno.test("floats are even, in their high bits and in their low ones", () => {
  const draws = new Draws(1, "latency", "worker-3");
  const floats = Array.from({ length: 200_000 }, () => draws.float());
  assert.ok(floats.every((value) => value >= 0 && value < 1));
  assertEven(count(1_000, floats.length, (i) => Math.floor(floats[i]! * 1_000)), "high bits");
  // The last 8 of 53 bits.
  assertEven(count(256, floats.length, (i) => (floats[i]! * 2 ** 53) % 256), "low bits");
});

Deno.test("each of 32 bits is set half of the time", () => {
  const draws = new Draws(2, "tie");
  const set = new Array<number>(32).fill(0);
  const times = 40_000;
  for (let i = 0; i < times; i++) {
    const bits = draws.bits();
    assert.ok(Number.isInteger(bits) && bits >= 0 && bits < 2 ** 32);
    for (let bit = 0; bit < 32; bit++) set[bit]! += (bits >>> bit) & 1;
  }
  for (const [bit, ones] of set.entries()) assertEven([ones, times - ones], `bit ${bit}`);
});

Deno.test("integers are even and include both ends", () => {
  const draws = new Draws(3, "size");
  assertEven(count(7, 70_000, () => draws.integer(-3, 3) + 3), "seven numbers");
  assert.equal(draws.integer(5, 5), 5);
});

Deno.test("seeds are independent: neighbours, and those that differ only above or below 32 bits", () => {
  assertEven(count(100, 50_000, (seed) => Math.floor(first(seed) * 100)), "first of each seed");
  assertIndependent("neighbours", (seed) => [first(seed), first(seed + 1)]);
  assertIndependent("high half", (seed) => [first(seed), first(seed + 2 ** 32)]);
  assertIndependent("one bit", (seed) => [first(seed), first(seed + 2 ** 31)]);
  const bits = (seed: number) => new Draws(seed, "tie").bits() / 2 ** 32;
  assertIndependent("bits, high half", (seed) => [bits(seed), bits(seed + 2 ** 32)]);
});

Deno.test("labels, entities and counters are independent", () => {
  assertIndependent("labels", (i) => [first(7, `op-${i}`), first(7, `op-${i + 1}`)]);
  assertIndependent("entities", (i) => [first(7, "x", `w-${i}`), first(7, "x", `w-${i + 1}`)]);
  assertIndependent("label and entity", (i) => [first(7, `a${i}`, "b"), first(7, "b", `a${i}`)]);
  assertIndependent("one for the other", (i) => [first(7, `a${i}`), first(7, "", `a${i}`)]);
  const draws = new Draws(7, "x");
  for (const lag of [1, 2, 16]) {
    assertIndependent(`lag ${lag}`, (i) => [draws.floatAt(i), draws.floatAt(i + lag)]);
  }
  assertIndependent("bits and floats", (i) => [draws.floatAt(i), draws.bits() / 2 ** 32]);
});

Deno.test("one bit of the seed changes half of the bits drawn", () => {
  for (let bit = 0; bit < 53; bit++) {
    let changed = 0;
    const times = 400;
    for (let i = 0; i < times; i++) {
      const seed = i * 7_919;
      const other = Math.floor(seed / 2 ** bit) % 2 === 0 ? seed + 2 ** bit : seed - 2 ** bit;
      let difference = new Draws(seed, "x").bits() ^ new Draws(other, "x").bits();
      for (; difference !== 0; difference &= difference - 1) changed++;
    }
    const share = changed / (32 * times);
    assert.ok(Math.abs(share - 0.5) < 0.02, `seed bit ${bit} changes ${share}`);
  }
});

Deno.test("no two of many keys draw the same", () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    for (const label of ["latency", "tie", "float", "uuid", ""]) {
      for (let i = 0; i < 1_000; i++) seen.add(first(seed, label, `worker-${i}`));
    }
  }
  assert.equal(seen.size, 100_000);
  assert.notEqual(first(1, "ab", "c"), first(1, "a", "bc"));
});

Deno.test("what one key draws changes nothing for another, and a number by its counter nothing at all", () => {
  const alone = new Draws(9, "latency", "a");
  const expected = Array.from({ length: 50 }, () => alone.float());
  const beside = new Draws(9, "latency", "a");
  const other = new Draws(9, "latency", "b");
  const seen = expected.map((_, i) => {
    if (i % 3 === 0) other.float();
    beside.floatAt(i * 5);
    return beside.float();
  });
  assert.deepEqual(seen, expected);
  assert.deepEqual(expected.map((_, i) => beside.floatAt(i)), expected);
  assert.equal(beside.count, 50);
});

Deno.test("the numbers of a seed stay what they are, or saved seeds fail no more", () => {
  const draws = new Draws(42, "latency", "worker-3");
  assert.deepEqual([draws.bits(), draws.bits(), draws.bits()], [799775641, 485019388, 908136746]);
  assert.deepEqual([draws.float(), draws.integer(1, 1_000)], [0.607206787246144, 542]);
  const high = new Draws(Number.MAX_SAFE_INTEGER, "");
  assert.equal(high.bits(), 848419597);
  assert.equal(drawnRandom(42, "worker-3#1").uuid(), "5a9e8677-847e-bcba-754b-2b4521eeec8f");
});

Deno.test("chances, picks and shuffles are fair", () => {
  const draws = new Draws(5, "x");
  const hits = count(2, 40_000, () => (draws.chance(0.25) ? 1 : 0));
  assertEven([hits[0]! / 3, hits[1]!], "a quarter");
  assert.ok(!draws.chance(0) && draws.chance(1));
  assertEven(count(3, 30_000, () => draws.pick([0, 1, 2])), "picks");
  assert.equal(draws.pick([undefined]), undefined);
  assert.throws(() => draws.pick([]), RangeError);
  const orders = ["abc", "acb", "bac", "bca", "cab", "cba"];
  const list = ["a", "b", "c"];
  assertEven(count(6, 60_000, () => orders.indexOf(draws.shuffle(list).join(""))), "orders");
  assert.deepEqual(list, ["a", "b", "c"]);
  const between = Array.from({ length: 1_000 }, () => draws.between(-2, 3));
  assert.ok(Math.min(...between) >= -2 && Math.max(...between) < 3);
});

Deno.test("identities have the shape that the port asks for, and no two are equal", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const random = drawnRandom(1, `worker-${i}#1`);
    for (let n = 0; n < 100; n++) seen.add(random.uuid());
    assert.ok(random.float() < 1);
  }
  assert.equal(seen.size, 10_000);
  for (const uuid of seen) assert.match(uuid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
