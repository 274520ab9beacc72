import assert from "node:assert/strict";
import { inTurns, waysInTurns } from "./turns.ts";

Deno.test("both are measured each round, in turns, and the first round counts for nothing", async () => {
  const order: string[] = [];
  const said: string[] = [];
  const count = (name: string) => () => Promise.resolve(order.push(name));
  const turns = await inTurns(2, count("a"), count("b"), (what) => said.push(what));
  assert.deepEqual(order, ["a", "b", "b", "a", "a", "b"]);
  assert.deepEqual(turns, [{ value: 4, limit: 3 }, { value: 5, limit: 6 }]);
  assert.deepEqual(said, ["warming up", "round 1 of 2", "round 2 of 2"]);
});

Deno.test("several ways: each round begins with another, and a small one before counts for nothing", async () => {
  const order: string[] = [];
  const way = (name: string) => (share: number) =>
    Promise.resolve(order.push(share === 1 ? name : `(${name})`));
  const turns = await waysInTurns({
    ...{ rounds: 2, warmUpShare: 0.1, progress: () => {} },
    ways: { a: way("a"), b: way("b"), c: way("c") },
  });
  assert.equal(order.join(" "), "(a) (b) (c) b c a c a b");
  assert.deepEqual(turns, [{ b: 4, c: 5, a: 6 }, { c: 7, a: 8, b: 9 }]);
});
