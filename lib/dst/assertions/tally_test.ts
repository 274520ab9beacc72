import assert from "node:assert/strict";
import fc from "fast-check";
import { Assertions } from "./assertions.ts";
import { always, alwaysAtLeast, sometimes, sometimesAtLeast, sometimesEach } from "./catalog.ts";
import { asMerged, emptyMerged, type MergedTallies, mergeTallies } from "./tally.ts";

const catalog = {
  "whole": always("it is whole"),
  "seen": sometimes("it is seen"),
  "low": alwaysAtLeast(-1_000, "a number"),
  "high": sometimesAtLeast(50, "a number"),
  "keys": sometimesEach(["a", "b", "c"], "keys"),
} as const;

/** What a run does. */
interface Run {
  readonly whole: readonly boolean[];
  readonly seen: readonly boolean[];
  readonly numbers: readonly number[];
  readonly keys: readonly ("a" | "b" | "c")[];
}

const run: fc.Arbitrary<Run> = fc.record({
  whole: fc.array(fc.boolean(), { maxLength: 3 }),
  seen: fc.array(fc.boolean(), { maxLength: 3 }),
  numbers: fc.array(fc.integer({ min: -100, max: 100 }), { maxLength: 3 }),
  keys: fc.array(fc.constantFrom("a" as const, "b" as const, "c" as const), { maxLength: 3 }),
});
const runs = fc.array(run, { maxLength: 8 });

function talliesOf(seed: number, seen: Run): MergedTallies {
  const assertions = new Assertions(catalog, () => {});
  for (const holds of seen.whole) assertions.always("whole", holds);
  for (const holds of seen.seen) assertions.sometimes("seen", holds);
  for (const value of seen.numbers) assertions.alwaysAtLeast("low", value);
  for (const value of seen.numbers) assertions.sometimesAtLeast("high", value);
  for (const key of seen.keys) assertions.sometimesEach("keys", key);
  return asMerged(catalog, seed, assertions.tallies());
}

const merge = (all: readonly MergedTallies[]) =>
  all.reduce((a, b) => mergeTallies(catalog, a, b), emptyMerged(catalog));

Deno.test("merging is the same in whatever order and groups the runs end", () => {
  const inOrders = fc.tuple(runs, fc.nat(), fc.nat());
  fc.assert(fc.property(inOrders, ([seen, turn, cut]) => {
    const all = seen.map((one, seed) => talliesOf(seed, one));
    const middle = all.length === 0 ? 0 : turn % all.length;
    const turned = [...all.slice(middle), ...all.slice(0, middle)].reverse();
    const half = cut % (all.length + 1);
    const grouped = [merge(turned.slice(0, half)), merge(turned.slice(half))];
    assert.deepEqual(merge(grouped), merge(all));
  }));
});

Deno.test("merged tallies count, and remember the least seed that got there", () => {
  const none = { whole: [], seen: [], numbers: [], keys: [] };
  const merged = merge([
    talliesOf(9, { ...none, seen: [true], numbers: [60, -5], keys: ["b"] }),
    talliesOf(4, { ...none, whole: [true, false], seen: [false], numbers: [60], keys: ["b", "b"] }),
    talliesOf(7, { ...none, whole: [true], seen: [true], numbers: [-5] }),
  ]);
  const of = (name: keyof typeof catalog) => merged[name]!;
  assert.deepEqual([of("whole").evaluated, of("whole").held, of("whole").notHeld], [3, 2, 1]);
  assert.equal(of("whole").firstSeed, 4);
  // Seed 4 has looked at it, but did not see it.
  assert.equal(of("seen").firstSeed, 7);
  assert.deepEqual([of("low").watermark, of("low").watermarkSeed], [-5, 7]);
  assert.deepEqual([of("high").watermark, of("high").watermarkSeed], [60, 4]);
  assert.deepEqual(of("keys").keys, { b: { count: 3, firstSeed: 4 } });
});

Deno.test("what a run says of names that are not declared is left out", () => {
  const tally = { evaluated: 1, held: 1, notHeld: 0, watermark: null, keys: {} };
  const merged = asMerged(catalog, 1, { whole: tally, stranger: tally });
  assert.deepEqual(Object.keys(merged).sort(), Object.keys(catalog).sort());
});

Deno.test("tallies travel as JSON", () => {
  const none = { whole: [], seen: [true], numbers: [3], keys: ["a" as const] };
  const merged = talliesOf(1, none);
  assert.deepEqual(JSON.parse(JSON.stringify(merged)), merged);
});
