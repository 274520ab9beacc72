import assert from "node:assert/strict";
import { Bounds, INSTANT_MS } from "./limits.ts";

Deno.test("time and events have bounds, and the last of each is allowed", () => {
  const bounds = new Bounds({ virtualMs: 100, events: 3 });
  assert.equal(bounds.check(100, 2), undefined);
  assert.equal(bounds.check(100.001, 2)?.check, "virtual time");
  assert.equal(bounds.check(100, 3)?.check, "events");
});

Deno.test("events at one instant are bounded, and an instant ends", () => {
  const bounds = new Bounds({ eventsPerInstant: 2 });
  const checks = [10, 10, 10, 10 + INSTANT_MS, 10 + INSTANT_MS, 10 + INSTANT_MS];
  const kinds = checks.map((atMs) => bounds.check(atMs, 0)?.kind);
  const [fine, livelock] = [undefined, "livelock"];
  assert.deepEqual(kinds, [fine, fine, livelock, fine, fine, livelock]);
});

Deno.test("time that only crawls is an instant too", () => {
  const bounds = new Bounds({ eventsPerInstant: 1_000 });
  let atMs = 5;
  let checks = 0;
  while (bounds.check(atMs, 0) === undefined && checks < 10_000) {
    atMs += 1e-6;
    checks++;
  }
  assert.equal(checks, 1_000);
});
