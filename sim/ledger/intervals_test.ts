import assert from "node:assert/strict";
import fc from "fast-check";
import { clipped, countOf, describeRanges, IntervalSet } from "./intervals.ts";

Deno.test("intervals agree with a plain set, whatever the order", () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 8 }));
  fc.assert(fc.property(fc.array(range), fc.array(range), (adds, others) => {
    const set = new IntervalSet();
    const model = new Set<number>();
    for (const [first, length] of adds) {
      const before = model.size;
      for (let value = first; value <= first + length; value++) model.add(value);
      assert.equal(set.add(first, first + length), model.size - before);
    }
    const other = new IntervalSet();
    const otherModel = new Set<number>();
    for (const [first, length] of others) {
      other.add(first, first + length);
      for (let value = first; value <= first + length; value++) otherModel.add(value);
    }
    assert.equal(set.size, model.size);
    assert.equal(set.max, Math.max(0, ...model));
    for (let value = 0; value <= 70; value++) assert.equal(set.has(value), model.has(value));
    const difference = [...set.minus(other)].flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index)
    );
    const expected = [...model].filter((value) => !otherModel.has(value)).sort((a, b) => a - b);
    assert.deepEqual(difference, expected);
    assert.equal(countOf(set.minus(other)), expected.length);
    const ranges = [...set.ranges()];
    for (let index = 1; index < ranges.length; index++) {
      assert.ok(ranges[index]![0] > ranges[index - 1]![1] + 1, "neighbours are merged");
    }
  }));
});

Deno.test("a million messages without a hole are one interval", () => {
  const set = new IntervalSet();
  for (let sequence = 1; sequence <= 1_000_000; sequence++) set.add(sequence);
  assert.deepEqual([...set.ranges()], [[1, 1_000_000]]);
  assert.equal(set.size, 1_000_000);
});

Deno.test("intervals can be read", () => {
  assert.equal(describeRanges([[3, 3], [7, 9]]), "3, 7-9");
  assert.equal(describeRanges([[1, 1], [3, 3], [5, 5]], 2), "1, 3, …");
});

Deno.test("intervals: clipped below a number", () => {
  assert.deepEqual(clipped([[1, 3], [5, 9], [12, 13]], 8), [[1, 3], [5, 7]]);
  assert.deepEqual(clipped([[1, 3], [5, 9]], 5), [[1, 3]]);
  assert.deepEqual(clipped([], 5), []);
});
