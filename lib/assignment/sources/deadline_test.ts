import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { withDeadline } from "./deadline.ts";
import { HandClock } from "./source_testing.ts";

Deno.test("deadline: passes results and errors on and leaves no timer", async () => {
  const clock = new HandClock();
  assert.equal(await withDeadline(clock, 10, () => Promise.resolve(5)), 5);
  await assert.rejects(withDeadline(clock, 10, () => Promise.reject(new Error("no"))), /no/);
  await assert.rejects(
    withDeadline(clock, 10, () => {
      throw new Error("at once");
    }),
    /at once/,
  );
  assert.equal(clock.pending, 0);
});

Deno.test("deadline: ends what hangs, by time or by the outer signal", async () => {
  const clock = new HandClock();
  let inner: AbortSignal | undefined;
  const hang = (signal: AbortSignal) => {
    inner = signal;
    return new Promise<never>(() => {});
  };
  const late = assert.rejects(
    withDeadline(clock, 10, hang),
    (e) => isPartiError(e, "PARTI_TIMEOUT"),
  );
  await clock.pass(10);
  await late;
  assert.equal(inner!.aborted, true);
  const outer = new AbortController();
  const ended = assert.rejects(
    withDeadline(clock, 10, hang, outer.signal),
    (e) => isPartiError(e, "PARTI_ABORTED"),
  );
  outer.abort();
  await ended;
  await assert.rejects(
    withDeadline(clock, 10, () => assert.fail("it was called"), outer.signal),
    (e) => isPartiError(e, "PARTI_ABORTED"),
  );
  assert.equal(clock.pending, 0);
});
