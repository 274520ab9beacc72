import assert from "node:assert/strict";
import * as v from "valibot";
import { isUnknownKey, mapping, pathOf, strictObject } from "./schema_objects.ts";

/** Where, in what words, and whether it is an unknown key. */
const found = (schema: v.GenericSchema, input: unknown) =>
  v.safeParse(schema, input).issues?.map((issue) => [
    pathOf(issue).join("."),
    issue.message,
    isUnknownKey(issue),
  ]);

Deno.test("an object with known keys: everything is found, in the words of what is wrong", () => {
  const inner = strictObject({ n: v.number("a number") }, "an object with n");
  const schema = strictObject({ a: v.string("a text"), b: inner, c: v.optional(inner) }, "a, b, c");
  assert.deepEqual(found(schema, { b: { n: "1", x: 1 }, constructor: 1, toString: 2 }), [
    ["a", "a text", false],
    ["b.n", "a number", false],
    ["b.x", "an object with n", true],
    ["constructor", "a, b, c", true],
    ["toString", "a, b, c", true],
  ]);
  assert.deepEqual(found(schema, { a: "", b: [] }), [["b", "an object with n", false]]);
  for (const none of [[], null, "x", undefined]) {
    assert.deepEqual(found(schema, none), [["", "a, b, c", false]]);
  }
  assert.deepEqual(found(strictObject({}), { x: 1 }), [["x", "unknown key", true]]);
});

Deno.test("what was left out stays out, or is what it is by default; what is made of a key is kept", () => {
  const schema = strictObject({
    a: v.optional(v.number()),
    b: v.optional(v.number(), 2),
    c: v.optional(strictObject({ d: v.optional(v.number(), 3) }), {}),
    e: v.optional(v.pipe(v.string(), v.transform(Number))),
  });
  assert.deepEqual(v.parse(schema, {}), { b: 2, c: { d: 3 } });
  const input = { a: undefined, e: "5" };
  assert.deepEqual(v.parse(schema, input), { a: undefined, b: 2, c: { d: 3 }, e: 5 });
  assert.deepEqual(input, { a: undefined, e: "5" }, "the input stays as it is");
});

Deno.test("a mapping keeps every name and copies what it holds", () => {
  const schema = mapping(v.string("a text"), "a mapping");
  const input = JSON.parse('{ "constructor": "x", "prototype": "y", "__proto__": "z" }');
  assert.deepEqual(v.parse(schema, input), { constructor: "x", prototype: "y" });
  assert.deepEqual(found(schema, { constructor: 1, b: "b", c: null }), [
    ["constructor", "a text", false],
    ["c", "a text", false],
  ]);
  for (const none of [[], new Map(), new Date(0), null, "x"]) {
    assert.deepEqual(found(schema, none), [["", "a mapping", false]]);
  }
});
