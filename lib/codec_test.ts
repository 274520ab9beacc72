import assert from "node:assert/strict";
import { decodeJsonObject, encodeJson, sameBytes } from "./codec.ts";

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

Deno.test("bytes are the same if their length and each of them is", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assert.equal(sameBytes(bytes, new Uint8Array([0, 1, 2, 3]).subarray(1)), true);
  assert.equal(sameBytes(new Uint8Array(), new Uint8Array()), true);
  assert.equal(sameBytes(bytes, new Uint8Array([1, 2, 4])), false);
  assert.equal(sameBytes(bytes, new Uint8Array([1, 2])), false);
});

Deno.test("long bytes are compared to the last one, wherever they begin", () => {
  const longest = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);
  for (const length of [127, 128, 129, 130, 131, 296]) {
    for (const begin of [0, 1, 4]) {
      const bytes = longest.subarray(begin, begin + length);
      const copy = bytes.slice();
      assert.equal(sameBytes(bytes, copy), true);
      for (let at = 0; at < length; at++) {
        copy[at]! ^= 1;
        assert.equal(sameBytes(bytes, copy), false, `${length} bytes from ${begin}, at ${at}`);
        copy[at]! ^= 1;
      }
    }
  }
});
