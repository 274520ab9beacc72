import assert from "node:assert/strict";
import { describeThreshold, keepsTo, type Operator, OPERATORS, parseLimit } from "./threshold.ts";

Deno.test("threshold: an operator and a number are read, whatever the spaces; a bare number is the most", () => {
  assert.deepEqual(parseLimit("< 1000"), { operator: "<", limit: 1_000 });
  assert.deepEqual(parseLimit("  <=1.5 "), { operator: "<=", limit: 1.5 });
  assert.deepEqual(parseLimit("== -2"), { operator: "==", limit: -2 });
  assert.deepEqual(parseLimit("!=1e3"), { operator: "!=", limit: 1_000 });
  assert.deepEqual(parseLimit(250), { operator: "<=", limit: 250 });
  for (const operator of OPERATORS) {
    assert.deepEqual(parseLimit(`${operator} 7`), { operator, limit: 7 });
  }
});

Deno.test("threshold: nothing else is", () => {
  const refused = [
    ...["", "1000", "<", "< x", "= 3", "=< 3", "< 1000ms", "< 1 2", "<> 3", "< 1_000", "< 1e999"],
    ...[NaN, Infinity, null, undefined, true, {}, []],
  ];
  for (const value of refused) assert.equal(parseLimit(value), undefined, String(value));
});

Deno.test("threshold: each operator, below, at and above its limit", () => {
  const expected: Record<Operator, boolean[]> = {
    "<": [true, false, false],
    "<=": [true, true, false],
    "==": [false, true, false],
    ">=": [false, true, true],
    ">": [false, false, true],
    "!=": [true, false, true],
  };
  for (const operator of OPERATORS) {
    const results = [9.9, 10, 10.1].map((value) => keepsTo(value, { operator, limit: 10 }));
    assert.deepEqual(results, expected[operator], operator);
  }
});

Deno.test("threshold: it is written with its unit, if it has one", () => {
  const limit = { operator: "<", limit: 5 } as const;
  assert.equal(describeThreshold({ ...limit, figure: "recoveryMs.p99" }), "recoveryMs.p99 < 5ms");
  assert.equal(describeThreshold({ ...limit, figure: "durationMs" }), "durationMs < 5ms");
  assert.equal(describeThreshold({ ...limit, figure: "recoveryMs.count" }), "recoveryMs.count < 5");
  assert.equal(describeThreshold({ ...limit, figure: "messages.lost" }), "messages.lost < 5");
});
