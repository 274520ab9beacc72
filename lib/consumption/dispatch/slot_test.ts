import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";
import { Run } from "./run.ts";
import type { Slot } from "./slot.ts";

const owner = { worker: "w", instance: "i" };

function start(slot: Slot): Run {
  const run = new Run(slot, slot.next(), owner, false);
  slot.running = run;
  return run;
}

function slotOnLane() {
  const [slot] = slots("a");
  const { lane } = fakeLane([slot!]);
  return { slot: slot!, lane };
}

const message = (sequence: number) => new FakeMessage("a", sequence);

Deno.test("a slot queues in stream order and starts from the front", () => {
  const { slot, lane } = slotOnLane();
  assert.equal(slot.take(message(3), lane), "queued");
  assert.equal(slot.take(message(7), lane), "queued");
  assert.equal(slot.next().streamSequence, 3);
  assert.equal(slot.startedSequence, 3);
});

Deno.test("an older message after a younger one is out of order, and not queued", () => {
  const { slot, lane } = slotOnLane();
  slot.take(message(7), lane);
  assert.equal(slot.take(message(3), lane), "out-of-order");
  assert.equal(slot.queue.length, 1);
});

Deno.test("a redelivery replaces what waits or runs, so that acks go to the latest one", () => {
  const { slot, lane } = slotOnLane();
  slot.take(message(1), lane);
  slot.take(message(2), lane);
  const run = start(slot);
  const again = [message(1), message(2)];
  assert.deepEqual(again.map((one) => slot.take(one, lane)), ["replaced", "replaced"]);
  assert.equal(run.message, again[0]);
  assert.equal(slot.queue[0], again[1]);
  assert.equal(slot.queue.length, 1);
});

Deno.test("what is done is known as done when it comes again", () => {
  const { slot, lane } = slotOnLane();
  slot.take(message(1), lane);
  start(slot);
  slot.done(1);
  slot.running = undefined;
  assert.equal(slot.take(message(1), lane), "already-done");
});

Deno.test("what is done cannot be done again", () => {
  const { slot, lane } = slotOnLane();
  slot.take(message(1), lane);
  slot.done(1);
  assert.throws(() => slot.done(1), { code: "PARTI_INVARIANT" });
  assert.throws(() => slot.next(), { code: "PARTI_INVARIANT" });
});

Deno.test("after a drop, what waited is taken from the next lane; what runs by right is only noted", () => {
  const { slot, lane } = slotOnLane();
  for (const sequence of [1, 2, 3]) slot.take(message(sequence), lane);
  start(slot);
  assert.equal(slot.drop(), 2);
  const fresh = fakeLane([slot]).lane;
  const taken = [1, 2, 3].map((sequence) => slot.take(message(sequence), fresh));
  assert.deepEqual(taken, ["replaced", "queued", "queued"]);
  assert.equal(slot.running!.lane, fresh);
});

Deno.test("W-8: after an abort the message is taken from the next lane as one to be handled again, before any after it", () => {
  const { slot, lane } = slotOnLane();
  for (const sequence of [1, 2]) slot.take(message(sequence), lane);
  const run = start(slot);
  lane.detach(slot);
  slot.abort(new PartiError("PARTI_ABORTED", "over"));
  const fresh = fakeLane([slot]).lane;
  assert.deepEqual([1, 2].map((sequence) => slot.take(message(sequence), fresh)), [
    "queued",
    "queued",
  ]);
  // The old handler comes back: its message is in the queue of the new lane already.
  slot.running = undefined;
  slot.giveUp(run);
  assert.equal(slot.stale, false);
  assert.equal(slot.next().streamSequence, 1);
});

Deno.test("a message given up on its own lane makes the slot stale: the lane is past it", () => {
  const { slot, lane } = slotOnLane();
  for (const sequence of [1, 2]) slot.take(message(sequence), lane);
  const run = start(slot);
  slot.running = undefined;
  slot.giveUp(run);
  assert.equal(slot.stale, true);
  assert.equal(slot.canRun, false);
});

Deno.test("a slot starts nothing unless it is wanted, on a lane for good, in its place and not stopped", () => {
  const { slot, lane } = slotOnLane();
  assert.equal(slot.canRun, false, "nothing waits");
  slot.take(message(1), lane);
  assert.equal(slot.canRun, true);
  for (const flag of ["moving", "stale", "stopped"] as const) {
    slot[flag] = true;
    assert.equal(slot.canRun, false, flag);
    slot[flag] = false;
  }
  slot.wanted = false;
  assert.equal(slot.canRun, false, "not wanted");
  slot.wanted = true;
  slot.take(message(2), lane);
  start(slot);
  assert.equal(slot.canRun, false, "one at a time");
});
