import assert from "node:assert/strict";
import { SimulationFailure } from "./failure.ts";

Deno.test("a failure says what, and once it is located where, in all that prints it", () => {
  const cause = new Error("behind it");
  const failure = new SimulationFailure("assertion", "one owner", "$& two own p-3", 12.3456, cause);
  assert.deepEqual([failure.message, failure.seed], ["one owner: $& two own p-3", undefined]);
  failure.locate(7);
  failure.locate(8);
  const located = "one owner: $& two own p-3 (seed 7, 12.346 ms)";
  assert.deepEqual([failure.message, failure.seed, failure.cause], [located, 7, cause]);
  assert.ok(Deno.inspect(failure).startsWith(`SimulationFailure: ${located}\n    at `));
  assert.match(String(failure), /seed 7/);
});
