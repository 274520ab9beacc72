import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { numberOption } from "./options.ts";

Deno.test("options: the default fills in for what is missing only", () => {
  assert.equal(numberOption("n", undefined, 7, 0, 9, true), 7);
  assert.equal(numberOption("n", 0, 7, 0, 9, true), 0);
  assert.equal(numberOption("n", 9, 7, 0, 9, true), 9);
  assert.equal(numberOption("n", 0.5, 7, 0, 9, false), 0.5);
});

Deno.test("options: anything else is refused with the value and the range", () => {
  for (const value of [-1, 10, 0.5, NaN, Infinity, "1", null, true, {}, 1n]) {
    assert.throws(() => numberOption("n", value, 7, 0, 9, true), (error) => {
      assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
      assert.equal(error.value, value);
      assert.equal(error.hint, "n must be a whole number from 0 to 9; default 7");
      return true;
    });
  }
});
