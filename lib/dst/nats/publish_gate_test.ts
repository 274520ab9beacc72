import assert from "node:assert/strict";
import { settle } from "../../test_support/manual_clock.ts";
import { PublishGate } from "./publish_gate.ts";

Deno.test("no more than so many are inside, and the others come in their order", async () => {
  const gate = new PublishGate(2);
  const inside: number[] = [];
  const enter = async (i: number): Promise<void> => {
    await gate.enter();
    inside.push(i);
  };
  for (let i = 0; i < 6; i++) void enter(i);
  await settle();
  assert.equal(gate.waiting, 4);
  assert.deepEqual(inside, [0, 1]);
  for (let left = 1; left <= 4; left++) {
    gate.leave();
    await settle();
    assert.deepEqual(inside.length, 2 + left);
    assert.equal(gate.inFlight, 2);
  }
  assert.deepEqual(inside, [0, 1, 2, 3, 4, 5]);
  assert.equal(gate.waiting, 0);
  gate.leave();
  gate.leave();
  assert.equal(gate.inFlight, 0);
  assert.equal(gate.enter(), undefined, "there is room: nobody waits");
});

Deno.test("whoever waits for room is told of it and does not take it", async () => {
  const gate = new PublishGate(1);
  assert.equal(gate.room(), undefined);
  assert.equal(gate.inFlight, 0);
  await gate.enter();
  let told = false;
  const room = gate.room()!.then(() => told = true);
  await settle();
  assert.equal(told, false);
  gate.leave();
  await room;
  assert.equal(gate.inFlight, 0);
});
