import assert from "node:assert/strict";
import { encodeJson } from "../codec.ts";
import { isPartiError, PartiError } from "../errors.ts";
import { decodeRefreshAnswer, encodeRefreshed, encodeRefreshFailure } from "./refresh_answer.ts";

/** What whoever asked is told. */
function failure(data: Uint8Array): PartiError {
  try {
    return assert.fail(`an answer: ${decodeRefreshAnswer(data)}`);
  } catch (error) {
    assert.ok(isPartiError(error));
    return error;
  }
}

Deno.test("refresh answer: the generation in force", () => {
  assert.equal(decodeRefreshAnswer(encodeRefreshed(12)), 12);
  assert.equal(decodeRefreshAnswer(encodeRefreshed(0)), 0);
});

Deno.test("refresh answer: a source or a strategy that failed is told by its code, with the leader's words", () => {
  for (const code of ["PARTI_SOURCE_FAILED", "PARTI_INVALID_ASSIGNMENT"] as const) {
    const told = failure(encodeRefreshFailure(new PartiError(code, "the database is away")));
    assert.equal(told.code, code);
    assert.match(told.message, /could not refresh the partitions: .*the database is away/);
    assert.match(String(told.value), /the database is away/);
  }
});

Deno.test("refresh answer: whatever else is said, or cannot be read, is a leader that could not", () => {
  const answers = [
    encodeRefreshFailure(new PartiError("PARTI_NOT_LEADER", "leadership has ended")),
    encodeRefreshFailure(new Error("anything")),
    encodeJson({ generation: "12" }),
    new Uint8Array(),
  ];
  for (const answer of answers) assert.equal(failure(answer).code, "PARTI_NOT_LEADER");
});
