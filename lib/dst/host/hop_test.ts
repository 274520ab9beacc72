import assert from "node:assert/strict";
import { everyHop, hop } from "./hop.ts";

/** A chain that goes on without waiting for anything but promises. */
async function chain(steps: number, onStep: () => void): Promise<void> {
  for (let i = 0; i < steps; i++) {
    await undefined;
    onStep();
  }
}

Deno.test("a hop is over when every promise that could go on has, however long the chain", async () => {
  let steps = 0;
  void chain(50_000, () => steps++);
  await hop();
  assert.equal(steps, 50_000);
});

Deno.test("between any two steps every promise that could go on has, though many steps are asked for at once", async () => {
  const lengths = [1, 0, 50_000, 3, 17];
  let expected = 0;
  let steps = 0;
  let turns = 0;
  await new Promise<void>((resolve) =>
    everyHop(() => {
      assert.equal(steps, expected, `before turn ${turns}`);
      const length = lengths[turns % lengths.length]!;
      expected += length;
      // The chain is begun by a promise, and goes on by microtasks and ticks of its own.
      void Promise.resolve().then(() => chain(length, () => queueMicrotask(() => steps++)));
      if (++turns < 500) return true;
      resolve();
      return false;
    })
  );
  await hop();
  assert.deepEqual([turns, steps], [500, expected]);
});

Deno.test("no step comes after the last", async () => {
  for (const last of [1, 2, 3, 10, 64, 65, 127, 200]) {
    let turns = 0;
    await new Promise<void>((resolve) =>
      everyHop(() => {
        if (++turns < last) return true;
        resolve();
        return false;
      })
    );
    for (let i = 0; i < 3; i++) await hop();
    assert.equal(turns, last);
  }
});

Deno.test("two that step beside each other take turns", async () => {
  const turns = { a: 0, b: 0 };
  const run = (name: "a" | "b") =>
    new Promise<void>((resolve) =>
      everyHop(() => {
        if (++turns[name] < 1_000) return true;
        resolve();
        return false;
      })
    );
  await Promise.all([run("a"), run("b")]);
  assert.deepEqual(turns, { a: 1_000, b: 1_000 });
});
