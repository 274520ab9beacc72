import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { copyData, isSameData } from "./plain_data.ts";

Deno.test("property: plain data is the same as its copy, and as nothing that says something else", () => {
  const data = fc.jsonValue({ maxDepth: 3 });
  fc.assert(fc.property(data, data, (one, other) => {
    assert.deepEqual(copyData(one), one);
    assert.ok(isSameData(one, copyData(one)));
    assert.equal(isSameData(one, other), isDeepStrictEqual(one, other));
  }));
});

Deno.test("a copy shares nothing that could be changed", () => {
  const value = { a: [{ b: 1 }], c: { d: "x" } };
  const copy = copyData(value);
  value.a[0]!.b = 2;
  value.c.d = "y";
  assert.deepEqual(copy, { a: [{ b: 1 }], c: { d: "x" } });
});

Deno.test("what differs in anything is not the same", () => {
  const differing: [unknown, unknown][] = [
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: undefined }, { b: undefined }],
    [{ a: { b: 1 } }, { a: { b: "1" } }],
    [{ a: null }, { a: {} }],
    [[1], { 0: 1 }],
    [[1, 2], [2, 1]],
    [{ a: 0 }, { a: -0 }],
    ["a", ["a"]],
    [{ toString: 1 }, {}],
  ];
  for (const [one, other] of differing) {
    assert.ok(!isSameData(one, other));
    assert.ok(!isSameData(other, one));
  }
  assert.ok(isSameData({ a: NaN, b: 1 }, { b: 1, a: NaN }), "in whatever order");
});

Deno.test("what is no plain data is never the same as a copy", () => {
  class Config {
    group = "a";
  }
  for (const value of [new Map([["a", 1]]), new Config(), new Date(0), Object.create({ a: 1 })]) {
    assert.ok(!isSameData(value, { ...value }));
    assert.ok(!isSameData({ value }, { value: { ...value } }));
  }
});
