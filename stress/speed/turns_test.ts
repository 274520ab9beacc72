import assert from "node:assert/strict";
import { inTurns } from "./turns.ts";

Deno.test("both are measured each round, in turns, and the first round counts for nothing", async () => {
  const order: string[] = [];
  const said: string[] = [];
  const count = (name: string) => () => Promise.resolve(order.push(name));
  const turns = await inTurns(2, count("a"), count("b"), (what) => said.push(what));
  assert.deepEqual(order, ["a", "b", "b", "a", "a", "b"]);
  assert.deepEqual(turns, [{ value: 4, limit: 3 }, { value: 5, limit: 6 }]);
  assert.deepEqual(said, ["warming up", "round 1 of 2", "round 2 of 2"]);
});
