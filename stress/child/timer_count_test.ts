import assert from "node:assert/strict";
import { TimerHeap } from "../../lib/ports/nats/timer_heap.ts";
import { countTimers } from "./timer_count.ts";

Deno.test("timers: set, fired and cleared ones are counted", async () => {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const globals = { setTimeout, setInterval, clearTimeout, clearInterval };
  const count = countTimers({ globals });
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

Deno.test("timers: those that wait behind one of the runtime's are counted each", () => {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const globals = { setTimeout, setInterval, clearTimeout, clearInterval };
  const heap = new TimerHeap({
    nowMs: () => performance.now(),
    setAlarm: (delayMs, ring) => {
      const id = globals.setTimeout(ring, delayMs);
      return () => globals.clearTimeout(id);
    },
    callSoon: () => {},
  });
  const count = countTimers({ globals, behindOne: () => heap.size });
  const other = globals.setTimeout(() => {}, 60_000);
  const set = [1, 2, 3].map((minutes) => heap.add(minutes * 60_000, () => {}));
  assert.equal(count.pending, 4);
  for (const timer of set) timer.cancel();
  assert.equal(count.pending, 1);
  globals.clearTimeout(other);
  assert.equal(count.pending, 0);
});
