import assert from "node:assert/strict";
import { RefreshWaiters } from "./refresh_waiters.ts";

Deno.test("refresh waiters: all who wait are answered, and nobody twice", async () => {
  const waiters = new RefreshWaiters();
  assert.equal(waiters.any, false);
  waiters.answer(1);
  const both = [waiters.wait(), waiters.wait()];
  assert.equal(waiters.any, true);
  waiters.answer(4);
  assert.equal(waiters.any, false);
  const later = waiters.wait();
  waiters.answer(5);
  assert.deepEqual(await Promise.all([...both, later]), [4, 4, 5]);
});

Deno.test("refresh waiters: all who wait are refused; whoever asks afterwards waits anew", async () => {
  const waiters = new RefreshWaiters();
  const refused = [waiters.wait(), waiters.wait()];
  const error = new Error("the strategy");
  waiters.refuse(error);
  const results = await Promise.allSettled(refused);
  assert.deepEqual(results.map((result) => result.status === "rejected" && result.reason), [
    error,
    error,
  ]);
  const anew = waiters.wait();
  waiters.answer(6);
  assert.equal(await anew, 6);
});
