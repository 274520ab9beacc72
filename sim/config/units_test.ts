import assert from "node:assert/strict";
import {
  formatDuration,
  parseBytes,
  parseDurationMs,
  parseInterval,
  writeBytes,
  writeDuration,
  writeInterval,
} from "./units.ts";

Deno.test("durations: every unit, sums and fractions", () => {
  assert.equal(parseDurationMs("10ms"), 10);
  assert.equal(parseDurationMs("5s"), 5_000);
  assert.equal(parseDurationMs("1h"), 3_600_000);
  assert.equal(parseDurationMs("1h30m"), 5_400_000);
  assert.equal(parseDurationMs("1.5s"), 1_500);
  assert.equal(parseDurationMs("0"), 0);
});

Deno.test("durations: anything else is refused", () => {
  for (const text of ["", "10", "5 s", "-5s", "s", "5x", "1h-2h", "1e3s"]) {
    assert.equal(parseDurationMs(text), undefined, text);
  }
});

Deno.test("intervals: a unit on both ends or one at the end for both", () => {
  assert.deepEqual(parseInterval("5s-8s"), { minMs: 5_000, maxMs: 8_000 });
  assert.deepEqual(parseInterval("10-30m"), { minMs: 600_000, maxMs: 1_800_000 });
  assert.deepEqual(parseInterval("10m-30m"), { minMs: 600_000, maxMs: 1_800_000 });
  assert.deepEqual(parseInterval("500ms-2s"), { minMs: 500, maxMs: 2_000 });
});

Deno.test("intervals: no unit, backwards, half or empty are refused", () => {
  for (const text of ["10-30", "8s-5s", "5s", "5s-", "-5s", "0-0", "5s-6s-7s", "10m-30"]) {
    assert.equal(parseInterval(text), undefined, text);
  }
});

Deno.test("sizes", () => {
  assert.equal(parseBytes("10GB"), 10 * 1024 ** 3);
  assert.equal(parseBytes("64mb"), 64 * 1024 ** 2);
  assert.equal(parseBytes("10"), undefined);
  assert.equal(parseBytes("ten GB"), undefined);
});

Deno.test("durations are written for people", () => {
  assert.equal(formatDuration(850), "850ms");
  assert.equal(formatDuration(1_240), "1.2s");
  assert.equal(formatDuration(60_000), "1m");
  assert.equal(formatDuration(5_400_000), "1h30m");
});

Deno.test("what is written is read as the very same", () => {
  for (const ms of [0, 1, 999, 1_000, 1_500, 90_000, 3_600_000, 5_400_001, 1.25, 86_400_000]) {
    assert.equal(parseDurationMs(writeDuration(ms)), ms, writeDuration(ms));
  }
  assert.equal(writeDuration(5_400_000), "1h30m");
  const interval = { minMs: 0, maxMs: 90_500 };
  assert.deepEqual(parseInterval(writeInterval(interval)), interval);
  for (const bytes of [0, 1, 1_023, 1_024, 1_536, 64 * 1024 ** 2, 10 * 1024 ** 3, 3 * 1024 ** 4]) {
    assert.equal(parseBytes(writeBytes(bytes)), bytes, writeBytes(bytes));
  }
  assert.equal(writeBytes(64 * 1024 ** 2), "64MB");
});
