import assert from "node:assert/strict";
import { bucketKey, checkActorType, parseActorId } from "./actor_id.ts";

Deno.test("actor names: namespace, type and key", () => {
  assert.deepEqual(parseActorId("shop::cart/4711"), { type: "shop::cart", key: "4711" });
  assert.deepEqual(parseActorId("a::b/x/y::z"), { type: "a::b", key: "x/y::z" });
});

Deno.test("actor names: what is none is told", () => {
  const wrong = ["", "cart", "shop::cart", "shop::cart/", "/x", "shop:cart/1", "a b::c/1"];
  for (const id of [...wrong, `a::b/${"x".repeat(201)}`]) {
    assert.throws(() => parseActorId(id), { code: "PARTI_INVALID_CONFIG", value: id });
  }
  assert.throws(() => checkActorType("cart"), { code: "PARTI_INVALID_CONFIG" });
  checkActorType("shop::cart");
});

Deno.test("actor names: a key has room for 200 bytes, however many characters these are", () => {
  for (const key of ["x".repeat(200), "ü".repeat(100), "€".repeat(66)]) {
    assert.equal(parseActorId(`a::b/${key}`).key, key);
  }
  for (const key of ["x".repeat(201), "ü".repeat(101), "€".repeat(67)]) {
    assert.throws(() => parseActorId(`a::b/${key}`), { code: "PARTI_INVALID_CONFIG" });
  }
});

Deno.test("actor names: half a character is none, since another half would be the same actor", () => {
  const ids = ["a😀", "a🚀", "a𐐀"].map((key) => `a::b/${key}`);
  for (const id of ids) {
    assert.equal(parseActorId(id).type, "a::b");
    assert.throws(() => parseActorId(id.slice(0, -1)), { code: "PARTI_INVALID_CONFIG" });
    assert.throws(() => bucketKey(id.slice(0, -1)), { code: "PARTI_INVALID_CONFIG" });
  }
});

Deno.test("actor names: each has a bucket key of its own, and one that NATS takes", () => {
  const ids = ["a::b/x", "a::b/x.y", "a::b/x=y", "a::b/x=2ey", "a::b/ü", "a::b/*", "a::b/>"];
  const keys = ids.map(bucketKey);
  assert.equal(new Set(keys).size, ids.length);
  for (const key of keys) assert.match(key, /^[-/_=.a-zA-Z0-9]+$/);
  assert.equal(bucketKey("a::b/x.y"), "a.b.x=2ey");
});
