import assert from "node:assert/strict";
import { envCount } from "./env_count.ts";

const NAME = "PARTI_TEST_ENV_COUNT";

Deno.test("a count from the environment is a whole number, or a mistake that is told", () => {
  try {
    Deno.env.delete(NAME);
    assert.equal(envCount(NAME, 7), 7);
    for (const [text, count] of [["", 7], ["1", 1], ["10000", 10_000]] as const) {
      Deno.env.set(NAME, text);
      assert.equal(envCount(NAME, 7), count);
    }
    for (const text of ["10k", "0", "-1", "1.5", " ", "NaN"]) {
      Deno.env.set(NAME, text);
      assert.throws(() => envCount(NAME, 7), /PARTI_TEST_ENV_COUNT must be a whole number/, text);
    }
  } finally {
    Deno.env.delete(NAME);
  }
});
