import assert from "node:assert/strict";
import { PartiError, type PartiErrorCode } from "../errors.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import { tryAgain } from "./attempts.ts";

function rig(
  codes: readonly PartiErrorCode[],
  timeoutMs = 10_000,
  signal?: AbortSignal,
  over = new AbortController().signal,
) {
  const clock = new ManualClock();
  const random = { float: () => 0.5, uuid: () => "id" };
  const left = [...codes];
  const tries: number[] = [];
  let again = 0;
  const outcome = tryAgain(
    { clock, random },
    { timeoutMs, signal, over, onAgain: () => again++ },
    (tryMs) => {
      tries.push(tryMs);
      const code = left.shift();
      return code === undefined
        ? Promise.resolve("done")
        : Promise.reject(new PartiError(code, "x"));
    },
  );
  outcome.catch(() => {});
  return { clock, tries, outcome, again: () => again };
}

Deno.test("attempts: what another try may better is tried again, and what takes long has its time", async () => {
  const { clock, tries, outcome, again } = rig([
    "PARTI_MAYBE_DELIVERED",
    "PARTI_NOT_SENT",
    "PARTI_OVERLOADED",
    "PARTI_TIMEOUT",
    "PARTI_TOO_MANY_HOPS",
  ]);
  await clock.advance(5_000);
  assert.equal(await outcome, "done");
  assert.equal(again(), 5);
  assert.deepEqual(tries.slice(0, 2), [1_250, 2_500], "what was lost is tried again soon");
  assert.ok(tries.slice(2).every((tryMs) => tryMs > 5_000), "what takes long has all that is left");
});

Deno.test("attempts: what is certain is not tried again", async () => {
  for (const code of ["PARTI_CALL_FAILED", "PARTI_NO_HANDLER", "PARTI_STOPPED"] as const) {
    const { outcome, again } = rig([code]);
    await assert.rejects(outcome, { code });
    assert.equal(again(), 0);
  }
});

Deno.test("attempts: when the time is over the last failure is the cause", async () => {
  const { clock, outcome } = rig(Array(100).fill("PARTI_NOT_SENT"), 1_000);
  await clock.advance(999);
  await clock.advance(1);
  await settle();
  const error = await outcome.catch((caught) => caught);
  assert.deepEqual([error.code, error.cause.code], ["PARTI_TIMEOUT", "PARTI_NOT_SENT"]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("attempts: none is made in the instant in which the time ends", async () => {
  for (let timeoutMs = 1; timeoutMs <= 200; timeoutMs++) {
    const { clock, tries, outcome } = rig(Array(100).fill("PARTI_NOT_SENT"), timeoutMs);
    await clock.advance(timeoutMs);
    await assert.rejects(outcome, { code: "PARTI_TIMEOUT" });
    assert.ok(tries.every((tryMs) => tryMs > 0), `${timeoutMs}: ${tries}`);
  }
});

Deno.test("attempts: who gives up waits for no further try", async () => {
  const cancel = new AbortController();
  const { clock, outcome } = rig(Array(100).fill("PARTI_NOT_SENT"), 10_000, cancel.signal);
  await settle();
  cancel.abort();
  await assert.rejects(outcome, { code: "PARTI_ABORTED" });
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("attempts: where nobody can call any more the next try says so at once", async () => {
  const stop = new AbortController();
  const { clock, outcome } = rig(
    ["PARTI_NOT_SENT", "PARTI_STOPPED"],
    10_000,
    undefined,
    stop.signal,
  );
  await settle();
  stop.abort();
  await assert.rejects(outcome, { code: "PARTI_STOPPED" });
  assert.equal(clock.pendingTimers, 0);
});
