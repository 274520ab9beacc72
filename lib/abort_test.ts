import assert from "node:assert/strict";
import { follow, settled, unlessAborted } from "./abort.ts";

Deno.test("without a signal it gives what the promise gives", async () => {
  const { signal } = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve(7), signal), 7);
  await assert.rejects(unlessAborted(Promise.reject(new Error("no")), signal), /no/);
});

Deno.test("the signal comes first, before or during the wait; a later failure disturbs nobody", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  await assert.rejects(unlessAborted(promise, AbortSignal.abort()), { code: "PARTI_ABORTED" });
  const abort = new AbortController();
  const waiting = unlessAborted(promise, abort.signal);
  abort.abort();
  await assert.rejects(waiting, { code: "PARTI_ABORTED" });
  reject(new Error("too late to matter"));
  await Promise.resolve();
});

Deno.test("settled waits for either and never rejects", async () => {
  const { signal } = new AbortController();
  await settled(Promise.resolve(), signal);
  await settled(Promise.reject(new Error("no")), signal);
  await settled(new Promise(() => {}), AbortSignal.abort());
});

Deno.test("a controller that follows signals fires with the first of them, also if that has fired already", () => {
  const [one, other, late] = [new AbortController(), new AbortController(), new AbortController()];
  const controller = new AbortController();
  follow(controller, one.signal, other.signal);
  assert.equal(controller.signal.aborted, false);
  other.abort();
  assert.equal(controller.signal.aborted, true);
  one.abort();
  follow(late, one.signal);
  assert.equal(late.signal.aborted, true);
});

Deno.test("a controller that follows no longer stays as it is", () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const controller = new AbortController();
  const unfollow = follow(controller, one.signal, other.signal);
  unfollow();
  unfollow();
  one.abort();
  other.abort();
  assert.equal(controller.signal.aborted, false);
});
