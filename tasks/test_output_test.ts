import assert from "node:assert/strict";
import { countTests, ignoredTest, lineSplitter } from "./test_output.ts";

Deno.test("the last line of deno test is understood", () => {
  assert.deepEqual(countTests("x ... ok\n\nok | 13 passed | 0 failed (747ms)\n"), {
    passed: 13,
    failed: 0,
  });
  assert.deepEqual(countTests("FAILED | 3 passed (12 steps) | 2 failed (1 step) (8ms)\n"), {
    passed: 3,
    failed: 2,
  });
  assert.deepEqual(countTests("ok | 1 passed (1 step) | 0 failed | 1 ignored (8ms)\n"), {
    passed: 1,
    failed: 0,
  });
});

Deno.test("a text that a test printed before is not mistaken for the last line", () => {
  const output = "ok | 99 passed | 0 failed (1ms)\nFAILED | 1 passed | 1 failed (8ms)\n";
  assert.deepEqual(countTests(output), { passed: 1, failed: 1 });
});

Deno.test("output without a last line is told apart", () => {
  assert.equal(countTests("error: Type checking failed.\n"), undefined);
});

Deno.test("a test that was left out is known by its line, and no other is", () => {
  const name = "./a_test.ts => a page in a browser (skipped: no chromium on the PATH)";
  assert.equal(ignoredTest(`${name} ... ignored (0ms)`), name);
  assert.equal(ignoredTest("./a_test.ts => nonsense is ignored ... ok (16ms)"), undefined);
  assert.equal(ignoredTest("ok | 1 passed | 0 failed | 1 ignored (8ms)"), undefined);
});

Deno.test("lines are put together again, also the last one", async () => {
  const lines: string[] = [];
  const source = ReadableStream.from(["a", "b\nc", "\n", "\nd"]);
  for await (const line of source.pipeThrough(lineSplitter())) lines.push(line);
  assert.deepEqual(lines, ["ab", "c", "", "d"]);
});
