import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { FakeMessage } from "../fakes_test.ts";
import { poisonError } from "./poison_error.ts";

Deno.test("a message given up is told with its place, its reason, and what became of it", () => {
  const message = new FakeMessage("a", 7);
  const cause = new PartiError("PARTI_HANDLER_FAILED", "it failed", { cause: new TypeError("x") });
  const dead = poisonError("a", message, cause, "dead.a");
  assert.equal(dead.code, "PARTI_POISON");
  assert.match(dead.message, /^sequence 7 of partition a .* dead letter on dead\.a; .*: x$/);
  assert.deepEqual([dead.value, dead.cause], [{ partition: "a", sequence: 7 }, cause]);
  const stopped = poisonError("a", message, "no", undefined);
  assert.match(stopped.message, /its partition is stopped; .*: no$/);
  const strange = new PartiError("PARTI_INVALID_PARTITION", "of another shard");
  assert.match(
    poisonError("a", message, strange, "dead.a").message,
    /a cannot be handled, it is a dead letter on dead\.a: PARTI_INVALID_PARTITION: of another/,
  );
  assert.match(stopped.hint!, /resumePartition\("a"\)/);
});
