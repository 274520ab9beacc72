import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import { allFaults, drawFaults, FAULT_NAMES, NO_FAULTS, strikingFaults } from "./faults.ts";

const drawn = Array.from({ length: 200 }, (_, seed) => drawFaults(new Draws(seed, "faults")));

Deno.test("on a good day nothing goes wrong", () => {
  const all = Object.values(NO_FAULTS).flatMap((part) => Object.values(part));
  assert.ok(all.every((probability) => probability === 0));
});

Deno.test("each fault is on in about every second run, and independent of the others", () => {
  const on = (pick: (faults: typeof NO_FAULTS) => number) =>
    drawn.filter((faults) => pick(faults) > 0).length;
  for (
    const count of [
      on(({ kv }) => kv.requestLost),
      on(({ kv }) => kv.ackLost),
      on(({ kv }) => kv.staleRead),
      on(({ kv }) => kv.watchStall),
      on(({ kv }) => kv.watchReset),
      on(({ messaging }) => messaging.noticeLost),
    ]
  ) assert.ok(count > 70 && count < 130, `${count} of 200`);
  const both = on(({ kv }) => kv.ackLost * kv.staleRead);
  assert.ok(both > 25 && both < 75, `${both} of 200`);
});

Deno.test("the same numbers give the same faults", () => {
  assert.deepEqual(drawFaults(new Draws(7, "faults")), drawn[7]);
});

Deno.test("what is on says everything, and says nothing of what is off", () => {
  for (const faults of drawn) {
    const striking = strikingFaults(faults);
    assert.deepEqual(allFaults(striking), faults);
    const values = Object.values(striking).flatMap((part) => Object.values(part));
    assert.ok(values.every((value) => value > 0));
  }
  assert.deepEqual(strikingFaults(NO_FAULTS), {});
  const few = { kv: { ackLost: 0.5 } };
  assert.deepEqual(strikingFaults(allFaults(few)), few);
});

Deno.test("whatever can be switched on has a name", () => {
  const all = Object.entries(NO_FAULTS).flatMap(([part, faults]) =>
    Object.keys(faults).map((name) => `${part}.${name}`)
  );
  // The others say by how much.
  const extents = all.filter((name) => name.endsWith("Ms") && name !== "feed.redeliveryLateMs");
  assert.deepEqual([...FAULT_NAMES, ...extents].sort(), all.sort());
});
