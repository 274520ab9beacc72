import assert from "node:assert/strict";
import { Awaited } from "./awaited.ts";
import type { EventOwner } from "./event_heap.ts";

const owner = (name: string, dead = false): EventOwner => ({
  name,
  dead,
  ties: new Map(),
  hold: () => false,
});

Deno.test("each name is told once, and with its process, while it is waited for", async () => {
  const awaited = new Awaited();
  const { promise, resolve } = Promise.withResolvers<number>();
  const waits = [
    awaited.add("b", promise),
    awaited.add("b", promise),
    awaited.add("a", promise, owner("w#1")),
    awaited.add("dead", promise, owner("w#2", true)),
  ];
  assert.equal(awaited.describe(), "a (w#1); b");
  resolve(5);
  assert.deepEqual(await Promise.all(waits), [5, 5, 5, 5]);
  assert.equal(awaited.describe(), "something without a name");
});

Deno.test("a process that holds events back is told until it goes on or dies", () => {
  const awaited = new Awaited();
  const [one, other] = [owner("w#1"), owner("w#2", true)];
  awaited.held(one);
  awaited.held(other);
  assert.equal(awaited.describe(), "w#1, which is paused");
  awaited.released(one);
  assert.equal(awaited.describe(), "something without a name");
});
