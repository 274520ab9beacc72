import assert from "node:assert/strict";
import { Prefetch, PREFETCH_MOST } from "./prefetch.ts";

/** So many messages come within half a second. */
function take(prefetch: Prefetch, count: number): void {
  for (let i = 0; i < count; i++) prefetch.took();
}

Deno.test("what is held in advance grows with what is handled, and is never less than configured", () => {
  const prefetch = new Prefetch(256, 0);
  assert.equal(prefetch.room, 256);
  take(prefetch, 100);
  assert.equal(prefetch.adapt(500), false);
  take(prefetch, 2_000);
  assert.equal(prefetch.adapt(1_000), true);
  assert.equal(prefetch.room, 2_000, "half of a second's work");
  take(prefetch, 1_000_000);
  prefetch.adapt(1_500);
  assert.equal(prefetch.room, PREFETCH_MOST);
  assert.equal(prefetch.adapt(2_000), true, "nothing comes any more");
  assert.equal(prefetch.room, 256);
});

Deno.test("it does not follow every little change, nor measure too soon", () => {
  const prefetch = new Prefetch(256, 0);
  take(prefetch, 2_000);
  prefetch.adapt(500);
  take(prefetch, 2_400);
  assert.equal(prefetch.adapt(1_000), false);
  take(prefetch, 1_100);
  assert.equal(prefetch.adapt(1_500), false);
  take(prefetch, 100_000);
  assert.equal(prefetch.adapt(1_549), false);
  assert.equal(prefetch.room, 2_000);
});

Deno.test("it is worth a look when twice as many have come as may be held", () => {
  const prefetch = new Prefetch(16, 0);
  assert.equal(Array.from({ length: 100 }, () => prefetch.took()).filter(Boolean).length, 3);
});
