import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { ManualClock, settle as settled } from "../../test_support/manual_clock.ts";
import { Calls } from "./calls.ts";

const code = (expected: string) => (error: unknown) =>
  error instanceof PartiError && error.code === expected;

Deno.test("calls: an answer ends a call once, with what it returns or throws", async () => {
  const clock = new ManualClock();
  const calls = new Calls(clock);
  const good = calls.open<number>("ask", 100);
  good.settle(() => 1);
  good.settle(() => 2);
  assert.equal(await good.promise, 1);
  const bad = calls.open<number>("ask", 100);
  bad.settle(() => {
    throw new PartiError("PARTI_CONFLICT", "planted");
  });
  await assert.rejects(bad.promise, code("PARTI_CONFLICT"));
  assert.equal(calls.count, 0);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("calls: without an answer the time ends a call, and a late answer is nobody's", async () => {
  const clock = new ManualClock();
  const calls = new Calls(clock);
  const { promise, settle } = calls.open<number>("ask", 100);
  const rejected = assert.rejects(promise, code("PARTI_TIMEOUT"));
  await clock.advance(99);
  assert.equal(calls.count, 1);
  await clock.advance(1);
  await rejected;
  settle(() => assert.fail("asked although nobody waits"));
});

Deno.test("calls: with the connection all end, and no timer is left", async () => {
  const clock = new ManualClock();
  const calls = new Calls(clock);
  const rejected = ["a", "b"].map((label) =>
    assert.rejects(calls.open(label, 100).promise, code("PARTI_TIMEOUT"))
  );
  calls.failAll();
  await Promise.all(rejected);
  await settled();
  assert.equal(calls.count, 0);
  assert.equal(clock.pendingTimers, 0);
});
