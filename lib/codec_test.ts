import assert from "node:assert/strict";
import { decodeJsonObject, encodeJson } from "./codec.ts";

Deno.test("an object comes back as it went", () => {
  const value = { a: 1, b: ["ü", null], c: { d: false } };
  assert.deepEqual(decodeJsonObject(encodeJson(value)), value);
});

Deno.test("everything else is undefined: other values, broken text, broken UTF-8, nothing", () => {
  for (const value of [null, 1, "text", [1], true]) {
    assert.equal(decodeJsonObject(encodeJson(value)), undefined);
  }
  assert.equal(decodeJsonObject(new TextEncoder().encode("{")), undefined);
  assert.equal(decodeJsonObject(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), undefined);
  assert.equal(decodeJsonObject(new Uint8Array()), undefined);
});
