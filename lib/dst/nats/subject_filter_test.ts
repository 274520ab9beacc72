import assert from "node:assert/strict";
import { SubjectFilter, subjectsCollide } from "./subject_filter.ts";

Deno.test("a filter matches what one of its subjects does, and an empty one everything", () => {
  const filter = new SubjectFilter(["a", "b.*", "c.>"]);
  assert.deepEqual([...filter.exact], ["a"]);
  assert.deepEqual(filter.patterns, ["b.*", "c.>"]);
  for (const subject of ["a", "b.1", "c.1", "c.1.2"]) assert.ok(filter.matches(subject), subject);
  for (const subject of ["b", "c", "a.1", "b.1.2", "d"]) {
    assert.ok(!filter.matches(subject), subject);
  }
  const none = new SubjectFilter([]);
  assert.ok(none.isEmpty && !none.isExact && none.matches("anything") && none.collides("x.>"));
  assert.ok(new SubjectFilter(["a", "b"]).isExact);
  assert.ok(!filter.isExact);
});

Deno.test("two subjects collide if there is one that both match", () => {
  const together: [string, string][] = [
    ["a", "a"],
    ["a.*", "a.b"],
    ["a.*", "*.b"],
    ["a.>", "a.b.c"],
    ["a.>", "*.b"],
    [">", "a"],
    ["a.*.c", "a.b.*"],
  ];
  const apart: [string, string][] = [
    ["a", "b"],
    ["a.*", "a"],
    ["a.*", "a.b.c"],
    ["a.>", "a"],
    ["a.>", "b.>"],
    ["a.*.c", "a.b.d"],
  ];
  for (const [one, other] of together) {
    assert.ok(subjectsCollide(one, other) && subjectsCollide(other, one), `${one} ${other}`);
    assert.ok(new SubjectFilter([one]).collides(other), `${one} ${other}`);
  }
  for (const [one, other] of apart) {
    assert.ok(!subjectsCollide(one, other) && !subjectsCollide(other, one), `${one} ${other}`);
    assert.ok(!new SubjectFilter([one]).collides(other), `${one} ${other}`);
  }
});
