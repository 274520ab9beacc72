import assert from "node:assert/strict";
import { countTimers } from "./timer_count.ts";

Deno.test("timers: set, fired and cleared ones are counted", async () => {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const globals = { setTimeout, setInterval, clearTimeout, clearInterval };
  const count = countTimers(globals);
  const fired = Promise.withResolvers<unknown>();
  globals.setTimeout((what: unknown) => fired.resolve(what), 0, "told");
  const cleared = globals.setTimeout(() => {}, 60_000);
  const interval = globals.setInterval(() => {}, 60_000);
  assert.equal(count.pending, 3);
  globals.clearTimeout(cleared);
  assert.equal(await fired.promise, "told");
  assert.equal(count.pending, 1, "the interval");
  globals.clearInterval(interval);
  globals.clearTimeout(undefined);
  assert.equal(count.pending, 0);
});
