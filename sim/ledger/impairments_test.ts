import assert from "node:assert/strict";
import { Impairments, OUTAGE_AFTERMATH_US } from "./impairments.ts";

Deno.test("impairments: of one process, for its time and a moment to notice", () => {
  const all = new Impairments();
  all.add("a#1", "stoodStill", 10_000_000, 20_000_000);
  assert.equal(all.during("a#1", 0, 9_000_000), undefined);
  assert.equal(all.during("a#1", 9_000_000, 11_000_000), "stoodStill");
  assert.equal(all.during("a#1", 12_000_000, 13_000_000), "stoodStill");
  assert.equal(all.during("a#1", 20_500_000, 30_000_000), "stoodStill");
  assert.equal(all.during("a#1", 21_500_000, 30_000_000), undefined);
  assert.equal(all.during("a#2", 12_000_000, 13_000_000), undefined, "another incarnation");
});

Deno.test("impairments: an outage is everybody's, and has an aftermath", () => {
  const all = new Impairments();
  all.outage(10_000_000, 20_000_000);
  assert.equal(all.during("x", 20_000_000 + OUTAGE_AFTERMATH_US - 1, Infinity), "outage");
  assert.equal(all.during("x", 20_000_000 + OUTAGE_AFTERMATH_US + 1, Infinity), undefined);
});

Deno.test("impairments: only the last thousand of a process are kept", () => {
  const all = new Impairments();
  for (let n = 0; n < 1_001; n++) all.add("a", "disconnected", n * 1e7, n * 1e7 + 1);
  assert.equal(all.during("a", 0, 1), undefined);
  assert.equal(all.during("a", 1e7, 1e7 + 1), "disconnected");
});

Deno.test("impairments: standing still excuses all, a cut and an outage only what was begun before", () => {
  const all = new Impairments();
  all.add("a", "stoodStill", 10_000_000, 20_000_000);
  assert.equal(all.excuse("a", 20_500_000, 30_000_000), "stoodStill");
  all.add("b", "disconnected", 10_000_000, 20_000_000);
  assert.equal(all.excuse("b", 9_000_000, 11_000_000), "disconnected");
  assert.equal(all.excuse("b", 10_000_000, 11_000_000), undefined);
  assert.equal(all.excuse("b", 20_500_000, 30_000_000), undefined);
  all.outage(100_000_000, 110_000_000);
  assert.equal(all.excuse("b", 99_000_000, 101_000_000), "outage");
  assert.equal(all.excuse("b", 110_000_001, 120_000_000), undefined);
  assert.equal(all.excuse("c", 105_000_000, 120_000_000), "outage");
  all.add("c", "disconnected", 100_000_000, 112_000_000);
  assert.equal(all.excuse("c", 105_000_000, 120_000_000), undefined);
});
