import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import { notSent } from "./outcome.ts";

Deno.test("outcomes: what could not be sent says so, but for what is known better", () => {
  const codes = {
    PARTI_DISCONNECTED: "PARTI_NOT_SENT",
    PARTI_TOO_LARGE: "PARTI_NOT_SENT",
    // Nothing was sent since too much is under way, which the caller is told as such.
    PARTI_OVERLOADED: "PARTI_OVERLOADED",
    // A feed may have stored it.
    PARTI_TIMEOUT: "PARTI_MAYBE_DELIVERED",
  } as const;
  for (const [code, told] of Object.entries(codes)) {
    const error = new PartiError(code as keyof typeof codes, "made to fail");
    assert.equal(notSent(error).code, told, code);
  }
  assert.equal(notSent(new TypeError("a bug")).code, "PARTI_NOT_SENT");
});
