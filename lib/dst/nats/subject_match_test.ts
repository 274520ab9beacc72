import assert from "node:assert/strict";
import { isPattern, subjectMatcher } from "./subject_match.ts";

Deno.test("a pattern matches token by token", () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ["a.b", ["a.b"], ["a", "a.b.c", "a.c"]],
    ["a.*", ["a.b", "a.*"], ["a", "a.b.c", "b.b", "ab.c"]],
    ["a.>", ["a.b", "a.b.c"], ["a", "b.a"]],
    ["*", ["a"], ["a.b"]],
    [">", ["a", "a.b.c"], []],
    ["*.b.*", ["a.b.c"], ["a.b", "a.c.c", "a.b.c.d"]],
    ["*.b.>", ["a.b.c", "a.b.c.d"], ["a.b", "a.c.d"]],
    ["*.b", ["a.b"], ["b.a", "a.b.c", "b"]],
    ["a*.b", ["a*.b"], ["ab.b"]],
  ];
  for (const [pattern, yes, no] of cases) {
    const matches = subjectMatcher(pattern);
    for (const subject of yes) assert.ok(matches(subject), `${pattern} matches ${subject}`);
    for (const subject of no) assert.ok(!matches(subject), `${pattern} does not match ${subject}`);
  }
});

Deno.test("only whole tokens are wildcards", () => {
  for (const pattern of ["*", "a.>", "a.*.b"]) assert.ok(isPattern(pattern));
  for (const subject of ["a", "a*.b", "a.b>"]) assert.ok(!isPattern(subject));
});
