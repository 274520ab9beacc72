import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { staticSource } from "./static_source.ts";

const signal = new AbortController().signal;

Deno.test("static source: shares nothing with its caller", async () => {
  const keys = ["a", "b"];
  const list = [{ keys, weight: 2 }, { keys: ["c"] }];
  const source = staticSource(list);
  keys[0] = "changed";
  list.pop();
  const first = await source.list(signal);
  assert.deepEqual(first, [{ keys: ["a", "b"], weight: 2 }, { keys: ["c"] }]);
  (first as unknown[]).pop();
  (first[0]!.keys as string[]).push("x");
  assert.deepEqual(await source.list(signal), [{ keys: ["a", "b"], weight: 2 }, { keys: ["c"] }]);
});

Deno.test("static source: tells of changes of content, not of order", async () => {
  const source = staticSource([{ keys: ["a"] }, { keys: ["b"] }]);
  let changes = 0;
  const watch = source.watch(() => changes++);
  source.update([{ keys: ["b"] }, { keys: ["a"], weight: 1 }]);
  assert.equal(changes, 0);
  source.update([{ keys: ["a"], weight: 2 }, { keys: ["b"] }]);
  assert.equal(changes, 1);
  source.update([{ keys: ["a"], weight: 2 }]);
  assert.equal(changes, 2);
  watch.close();
  source.update([]);
  assert.equal(changes, 2);
  assert.deepEqual(await source.list(signal), []);
});

Deno.test("static source: refuses bad lists and keeps the old one", async () => {
  const invalid = (error: unknown) => isPartiError(error, "PARTI_INVALID_PARTITION");
  assert.throws(() => staticSource([{ keys: [] }]), invalid);
  const source = staticSource([{ keys: ["a"] }]);
  source.watch(() => assert.fail("nothing has changed"));
  assert.throws(() => source.update([{ keys: ["a", "*"] }]), invalid);
  assert.deepEqual(await source.list(signal), [{ keys: ["a"] }]);
});
