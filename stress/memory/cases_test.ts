import assert from "node:assert/strict";
import { MEMORY_CASES } from "./cases.ts";

Deno.test("memory: bound is what Go's table can be held against, workers without the library's code, and nothing else", () => {
  const bounds = MEMORY_CASES.flatMap(({ name: of, metrics }) =>
    metrics.flatMap(({ name, target }) => target === undefined ? [] : [[of, name, target]])
  );
  assert.deepEqual(bounds, [
    ["50w-500p", "beyondLibrary", { atMost: 5.44 }],
  ]);
});
