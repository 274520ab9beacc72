import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { Setbacks } from "./setbacks.ts";

const REFUSED = new PartiError("PARTI_REFUSED", "no writes for this user");

Deno.test("setbacks: enough are five in a row that have lasted for three seconds", () => {
  const slow = new Setbacks();
  assert.deepEqual([0, 1_000, 2_000, 3_000, 4_000].map((nowMs) => slow.failed(REFUSED, nowMs)), [
    false,
    false,
    false,
    false,
    true,
  ]);
  const quick = new Setbacks();
  for (let nowMs = 0; nowMs < 3_000; nowMs += 100) {
    assert.equal(quick.failed(REFUSED, nowMs), false);
  }
  assert.equal(quick.failed(REFUSED, 3_000), true);
});

Deno.test("setbacks: success begins the count and its time anew", () => {
  const setbacks = new Setbacks();
  for (let nowMs = 0; nowMs < 2_000; nowMs += 100) setbacks.failed(REFUSED, nowMs);
  setbacks.succeeded();
  for (let nowMs = 2_500; nowMs < 5_500; nowMs += 500) {
    assert.equal(setbacks.failed(REFUSED, nowMs), false);
  }
  assert.equal(setbacks.failed(REFUSED, 5_500), true);
});

Deno.test("setbacks: what nobody else would do better does not count", () => {
  const setbacks = new Setbacks();
  for (const code of ["PARTI_DISCONNECTED", "PARTI_NOT_FOUND"] as const) {
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1_000) {
      assert.equal(setbacks.failed(new PartiError(code, "planted"), nowMs), false);
    }
  }
});
