import assert from "node:assert/strict";
import { PartiError } from "../lib/errors.ts";
import { exitCodeOf, exitCodes, withExitCode } from "./exit_codes.ts";

Deno.test("exit codes: what the caller can put right is bad input", () => {
  for (
    const code of [
      "PARTI_INVALID_CONFIG",
      "PARTI_DISCONNECTED",
      "PARTI_REFUSED",
      "PARTI_STREAM_FULL",
      "PARTI_SERVER_TOO_OLD",
    ] as const
  ) assert.equal(exitCodeOf(new PartiError(code, "x")), exitCodes.badInput, code);
  assert.equal(exitCodeOf(new PartiError("PARTI_STARTUP_TIMEOUT", "x")), exitCodes.unknown);
  assert.equal(exitCodeOf("x"), exitCodes.unknown);
  assert.equal(exitCodeOf(undefined), exitCodes.unknown);
});

Deno.test("exit codes: whoever knows better says so", () => {
  const error = new PartiError("PARTI_DISCONNECTED", "in the middle of a run");
  assert.equal(withExitCode(error, exitCodes.unknown), error);
  assert.equal(exitCodeOf(error), exitCodes.unknown);
  assert.equal(withExitCode("no object", exitCodes.unknown), "no object");
});
