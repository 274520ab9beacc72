import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatDuration,
  LONGEST_DURATION_MS,
  parseDuration,
  tryParseDuration,
} from "./duration.ts";
import { isPartiError } from "../errors.ts";

Deno.test("a duration is read from text with units and from milliseconds", () => {
  const rows: [unknown, number][] = [
    ["500ms", 500],
    ["2s", 2_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    ["1m0.5s", 60_500],
    ["0s", 0],
    ["0", 0],
    ["250us", 0.25],
    ["250µs", 0.25],
    ["0.1s0.2s", 300],
    [0, 0],
    [1_500, 1_500],
    [LONGEST_DURATION_MS, LONGEST_DURATION_MS],
  ];
  for (const [input, ms] of rows) assert.equal(parseDuration(input), ms, String(input));
});

Deno.test("what is no duration is refused with the value and what is allowed", () => {
  const bad = [
    "",
    " 2s",
    "2 s",
    "10",
    "10-30",
    "-1s",
    "1e3s",
    "s",
    "2s,",
    "2sec",
    "5d",
    ".5s",
    "1000h",
    -1,
    NaN,
    Infinity,
    LONGEST_DURATION_MS + 1,
    null,
    undefined,
    true,
    {},
    ["2s"],
  ];
  for (const input of bad) {
    assert.equal(tryParseDuration(input), undefined, String(input));
    assert.throws(
      () => parseDuration(input),
      (e) =>
        isPartiError(e, "PARTI_INVALID_CONFIG") && e.message.includes("1h30m") &&
        Object.is(e.value, input),
      String(input),
    );
  }
});

Deno.test("a duration is written as it is read", () => {
  assert.equal(formatDuration(0), "0s");
  assert.equal(formatDuration(1_500), "1500ms");
  assert.equal(formatDuration(5_400_000), "1h30m");
  assert.equal(formatDuration(3_661_000), "1h1m1s");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LONGEST_DURATION_MS }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});
