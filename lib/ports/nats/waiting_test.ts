import assert from "node:assert/strict";
import fc from "fast-check";
import { Waiting } from "./waiting.ts";

Deno.test("whatever comes and goes, each is found under its number, once", () => {
  // What to do next: take in one, or take out one of those there, by its place among them.
  const steps = fc.array(fc.option(fc.nat(), { nil: undefined, freq: 3 }), { maxLength: 600 });
  fc.assert(fc.property(steps, (todo) => {
    const waiting = new Waiting<{ n: number }>();
    const model = new Map<number, { n: number }>();
    const given = new Set<number>();
    for (const [n, step] of todo.entries()) {
      if (step === undefined) {
        const thing = { n };
        const number = waiting.add(thing);
        assert.ok(!given.has(number), "no number is given twice");
        given.add(number);
        model.set(number, thing);
      } else if (model.size > 0) {
        const number = [...model.keys()][step % model.size]!;
        assert.equal(waiting.take(number), model.get(number));
        model.delete(number);
        assert.equal(waiting.take(number), undefined, "it is gone");
      }
      assert.equal(waiting.size, model.size);
    }
    assert.deepEqual(waiting.find(() => true), [...model.keys()]);
    assert.deepEqual(
      waiting.find(({ n }) => n % 2 === 0),
      [...model].filter(([, { n }]) => n % 2 === 0).map(([number]) => number),
    );
  }));
});

Deno.test("one that waits for long is in nobody's way, and its number is not given to another", () => {
  const waiting = new Waiting<object>();
  const old = {};
  const first = waiting.add(old);
  for (let n = 0; n < 10_000; n++) waiting.take(waiting.add({}));
  assert.equal(waiting.take(first), old);
  const later = waiting.add({});
  assert.ok(later > 10_000);
  assert.equal(
    waiting.take(later - 64),
    undefined,
    "it stands at the same place, and is not the same",
  );
});

Deno.test("no number is not any", () => {
  const waiting = new Waiting<object>();
  waiting.add({});
  for (const number of [NaN, -1, 0.5, 64, Infinity]) assert.equal(waiting.take(number), undefined);
  assert.equal(waiting.size, 1);
});
