import assert from "node:assert/strict";
import { sampleAt, View } from "./view.js";

Deno.test("what is shown never leaves the run, and whoever shows it is told of changes only", () => {
  const view = new View([0, 100]);
  let told = 0;
  view.listeners.add(() => told++);
  view.show(-20, 30);
  assert.deepEqual(view.range, [0, 50]);
  view.show(0, 50);
  view.look(null);
  assert.equal(told, 1);
  assert.ok(view.isZoomed);
  view.zoom(10);
  assert.deepEqual(view.range, [0, 100]);
  assert.ok(!view.isZoomed);
});

Deno.test("keys move the moment and the stretch; others are left to the browser", () => {
  const view = new View([0, 100]);
  assert.ok(view.press("ArrowRight", 2));
  assert.equal(view.moment, 52);
  view.press("+", 2);
  assert.deepEqual(view.range, [26, 76]);
  view.press("Home", 2);
  view.press("ArrowLeft", 2);
  assert.equal(view.moment, 24);
  assert.deepEqual(view.range, [24, 74], "it stays in sight");
  view.press("End", 2);
  assert.equal(view.moment, 74);
  view.press("ArrowRight", 50);
  assert.equal(view.moment, 100, "and in the run");
  assert.deepEqual(view.range, [50, 100]);
  view.press("Escape", 2);
  assert.deepEqual(view.range, [0, 100]);
  assert.ok(!view.press("Tab", 2));
  assert.ok(!view.press("a", 2));
});

Deno.test("a run without a length is shown all the same", () => {
  assert.deepEqual(new View([0, 0]).range, [0, 1]);
});

Deno.test("the sample that a moment lies in", () => {
  const ends = [1, 2, 4];
  assert.deepEqual([-1, 1, 1.5, 2, 3, 4, 9].map((moment) => sampleAt(ends, moment)), [
    ...[0, 0, 1, 1, 2, 2, 2],
  ]);
  assert.equal(sampleAt([], 1), 0);
});

Deno.test("a run that goes on is shown to its end, a part of it only if it reached to the end", () => {
  const view = new View([-3, 60]);
  let told = 0;
  view.listeners.add(() => told++);
  view.extend([-3, 61]);
  assert.deepEqual([view.range, view.isZoomed, told], [[-3, 61], false, 1]);
  view.show(51, 61);
  view.extend([-3, 62]);
  assert.deepEqual(view.range, [52, 62], "it goes along");
  view.show(10, 20);
  view.extend([-3, 63]);
  assert.deepEqual([view.range, view.full], [[10, 20], [-3, 63]], "it stays");
  view.extend([0, 5]);
  assert.ok(view.range[0] >= 0 && view.range[1] <= 5, "another run is never left");
});
