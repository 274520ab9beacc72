import assert from "node:assert/strict";
import { withProgress } from "./progress.ts";

Deno.test("what is quick says nothing", async () => {
  const lines: string[] = [];
  const report = (line: string) => lines.push(line);
  assert.equal(await withProgress("work", report, () => Promise.resolve(7)), 7);
  await assert.rejects(
    withProgress("work", report, () => Promise.reject(new Error("broken"))),
    /broken/,
  );
  assert.deepEqual(lines, []);
});

Deno.test("what takes long says so, again and again, until it ends", async () => {
  const lines: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const report = (line: string) => {
    lines.push(line);
    if (lines.length === 3) resolve();
  };
  const times = { firstAfterMs: 1, thenEveryMs: 1 };
  await withProgress("fetching", report, () => promise, times);
  assert.equal(lines.length, 3);
  assert.equal(lines[0], "fetching … 0 s");
});
