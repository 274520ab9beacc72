import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../errors.ts";
import { type FailedStart, startFailure } from "./start_failure.ts";

const ERROR = new PartiError("PARTI_ABORTED", "given up");

function failed(changes: Partial<FailedStart>): unknown {
  return startFailure(ERROR, {
    state: "Election",
    aborted: true,
    timedOut: false,
    startupTimeoutMs: 500,
    lastError: undefined,
    joinFailure: undefined,
    ...changes,
  });
}

Deno.test("start failure: what the server says is thrown as it is", () => {
  assert.equal(failed({ aborted: false }), ERROR);
});

Deno.test("start failure: given up by the application or by a stop, with the state", () => {
  const error = failed({});
  assert.ok(isPartiError(error, "PARTI_ABORTED"));
  assert.match(error.message, /while Election/);
  assert.equal(error.cause, ERROR);
});

Deno.test("start failure: out of time, with the state and the reason that is known", () => {
  const error = failed({ timedOut: true });
  assert.ok(isPartiError(error, "PARTI_STARTUP_TIMEOUT"));
  assert.match(error.message, /within 500 ms; the last state was Election/);
  assert.deepEqual([error.cause, error.value], [ERROR, 500]);
  const joinFailure = new Error("the buckets");
  const known = failed({ timedOut: true, joinFailure });
  assert.ok(isPartiError(known, "PARTI_STARTUP_TIMEOUT"));
  assert.equal(known.cause, joinFailure);
});

Deno.test("start failure: out of time, with the last error that was told: it says why", () => {
  const lastError = new PartiError("PARTI_REFUSED", "the bucket takes no writes", { hint: "ask" });
  const givenUp = new PartiError("PARTI_ABORTED", "given up while joining");
  for (const joinFailure of [undefined, givenUp]) {
    const error = failed({ timedOut: true, lastError, joinFailure });
    assert.ok(isPartiError(error, "PARTI_STARTUP_TIMEOUT"));
    assert.match(
      error.message,
      /was Election; the last error was PARTI_REFUSED: the bucket takes no writes$/,
    );
    assert.deepEqual([error.cause, error.hint], [lastError, "ask"]);
  }
  const joinFailure = new PartiError("PARTI_TIMEOUT", "no answer");
  const error = failed({ timedOut: true, lastError, joinFailure });
  assert.equal(
    (error as Error).cause,
    joinFailure,
    "what joining ended with comes before what was told",
  );
});

Deno.test("start failure: a full pool for all that time is said by name", () => {
  const joinFailure = new PartiError("PARTI_NO_FREE_ID", "all are held");
  assert.equal(failed({ timedOut: true, joinFailure }), joinFailure);
  assert.ok(isPartiError(failed({ joinFailure }), "PARTI_ABORTED"), "given up before");
});
