import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import { orAborted, patiently, pauseFor, untilFine } from "./wait.ts";

const NEVER = new AbortController().signal;

Deno.test("a pause lasts its time, or until the signal; none is none", async () => {
  const startMs = performance.now();
  await pauseFor(30);
  assert.ok(performance.now() - startMs >= 29);
  const abort = new AbortController();
  const long = pauseFor(60_000, abort.signal);
  abort.abort();
  await long;
  await pauseFor(60_000, abort.signal);
  await pauseFor(0, NEVER);
  await pauseFor(-5);
  assert.ok(performance.now() - startMs < 30_000);
});

Deno.test("a pause longer than a timer of the runtime can be does not end at once", async () => {
  const abort = new AbortController();
  let over = false;
  const long = pauseFor(25 * 86_400_000, abort.signal).then(() => over = true);
  await pauseFor(20);
  assert.equal(over, false);
  abort.abort();
  await long;
});

Deno.test("something is waited for until it is done, has failed, or the signal fires", async () => {
  await orAborted(Promise.resolve(), NEVER);
  await assert.rejects(orAborted(Promise.reject(new Error("it failed")), NEVER), /it failed/);
  const endless = Promise.withResolvers<void>();
  const abort = new AbortController();
  const waiting = orAborted(endless.promise, abort.signal);
  abort.abort();
  await waiting;
  await orAborted(endless.promise, abort.signal);
  // It may fail later: that concerns nobody any more.
  endless.reject(new Error("late"));
});

Deno.test("waiting ends as soon as nothing is amiss", async () => {
  let looks = 0;
  const amiss = () => ++looks < 3 ? "not yet" : undefined;
  assert.equal(await untilFine(60_000, NEVER, amiss), undefined);
  assert.equal(looks, 3);
});

Deno.test("waiting says what is still amiss when the time is over or the run interrupted", async () => {
  assert.equal(await untilFine(60, NEVER, () => "late"), "late");
  assert.equal(await untilFine(60_000, AbortSignal.abort(), () => "aborted"), "aborted");
  assert.equal(await untilFine(0, AbortSignal.abort(), () => undefined), undefined);
});

Deno.test("an outage is waited out, until it is over", async () => {
  let tries = 0;
  const work = () => {
    if (++tries < 3) throw new PartiError("PARTI_DISCONNECTED", "away");
    return Promise.resolve();
  };
  assert.equal(await patiently(() => false, work), true);
  assert.equal(tries, 3);
  assert.equal(await patiently(() => true, work), false);
  assert.equal(tries, 3);
});

Deno.test("planted: whatever is no outage is not tried again", async () => {
  let tries = 0;
  const work = () => {
    tries++;
    throw new TypeError("a mistake");
  };
  await assert.rejects(patiently(() => tries > 3, work), /a mistake/);
  assert.equal(tries, 1);
});
