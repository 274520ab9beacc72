import assert from "node:assert/strict";
import { pauseFor, untilFine } from "./wait.ts";

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
