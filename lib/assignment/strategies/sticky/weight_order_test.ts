import assert from "node:assert/strict";
import fc from "fast-check";
import { heavyFirst, upTo } from "./weight_order.ts";

const ordered = (weights: number[]) =>
  heavyFirst(Float64Array.from(weights), upTo(weights.length)).map((alike) => [...alike]);

Deno.test("weight order: heavy first; equals stay in order and together", () => {
  assert.deepEqual(ordered([1, 100, 1, 0.5, 100]), [[1, 4], [0, 2], [3]]);
  assert.deepEqual(ordered([3, 3, 3]), [[0, 1, 2]]);
  assert.deepEqual(ordered([]), []);
});

Deno.test("weight order: classes are narrow, disjoint and complete for any weights", () => {
  const weight = fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true });
  fc.assert(fc.property(fc.array(weight), (weights) => {
    const classes = ordered(weights);
    assert.deepEqual(classes.flat().sort((a, b) => a - b), [...upTo(weights.length)]);
    let above = Infinity;
    for (const alike of classes) {
      const own = alike.map((p) => weights[p]!);
      assert.ok(Math.max(...own) < above, "classes overlap");
      above = Math.min(...own);
      // Below 2^-1022 numbers have fewer bits, and classes are wider.
      if (above > 1e-300) assert.ok(Math.max(...own) <= above * 1.125);
    }
  }));
});
