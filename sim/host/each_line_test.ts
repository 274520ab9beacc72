import assert from "node:assert/strict";
import { eachLine } from "./each_line.ts";

async function linesOf(...parts: string[]): Promise<string[]> {
  const lines: string[] = [];
  const bytes = ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)));
  await eachLine(bytes as ReadableStream<Uint8Array>, (line) => void lines.push(line));
  return lines;
}

Deno.test("lines are put together however they arrive, and the last one needs no end", async () => {
  assert.deepEqual(await linesOf("o", "ne\ntw", "o\n\nthr", "ee"), ["one", "two", "", "three"]);
  assert.deepEqual(await linesOf(), []);
});

Deno.test("a line without an end does not grow for ever", async () => {
  const lines = await linesOf(..."x".repeat(50).split("").map((x) => x.repeat(1_000)));
  assert.equal(lines.join("").length, 50_000);
  assert.ok(lines.every((line) => line.length <= 16_384), lines.map((l) => l.length).join());
});
