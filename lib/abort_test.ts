import assert from "node:assert/strict";
import { settled, unlessAborted } from "./abort.ts";

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
