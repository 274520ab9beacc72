import assert from "node:assert/strict";
import { coveredBy } from "./subjects.ts";

Deno.test("a pattern covers what it matches, and narrower patterns", () => {
  const covered = [
    ["a.b", "a.b"],
    ["a.b", "a.*"],
    ["a.b.c", "a.>"],
    ["a.*", "a.>"],
    ["a.*", "a.*"],
    ["a.>", "a.>"],
    ["*.b", "*.*"],
    ["a.>", ">"],
  ];
  for (const [subject, pattern] of covered) {
    assert.ok(coveredBy(subject!, [pattern!]), `${subject} ${pattern}`);
  }
  const uncovered = [
    ["a.c", "a.b"],
    ["a", "a.b"],
    ["a.b", "a"],
    ["a", "a.>"],
    ["a.*", "a.b"],
    ["a.>", "a.*"],
    ["a.b.c", "a.*"],
    [">", "a.>"],
    ["*", "a"],
  ];
  for (const [subject, pattern] of uncovered) {
    assert.ok(!coveredBy(subject!, [pattern!]), `${subject} ${pattern}`);
  }
  assert.ok(coveredBy("a", ["b", "a"]));
  assert.ok(coveredBy("a.>", []), "no filter is everything");
});
