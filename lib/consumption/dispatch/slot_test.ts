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

function finish(slot: Slot, run: Run): void {
  slot.done(run.message);
  slot.running = undefined;
}

function slotOnLane() {
  const [slot] = slots("a");
  const { lane } = fakeLane([slot!]);
  return { slot: slot!, lane };
}

const message = (sequence: number, storedAtMs = 0) =>
  new FakeMessage("a", sequence, 1, 1, storedAtMs);

Deno.test("a slot queues in stream order and starts from the front", () => {
  const { slot, lane } = slotOnLane();
  assert.equal(slot.take(message(3), lane), "queued");
  assert.equal(slot.take(message(7), lane), "queued");
  assert.equal(slot.next().streamSequence, 3);
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
  finish(slot, start(slot));
  assert.equal(slot.take(message(1), lane), "already-done");
});

Deno.test("what is done cannot be done again", () => {
  const { slot, lane } = slotOnLane();
  slot.take(message(1), lane);
  slot.done(message(1));
  assert.throws(() => slot.done(message(1)), { code: "PARTI_INVARIANT" });
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

/** A slot that has handled 1 to 5, stored a second after each other from 1,000 on; its lane was deleted, and it is on a fresh one. */
function afterFive() {
  const { slot, lane } = slotOnLane();
  for (let i = 1; i <= 5; i++) {
    slot.take(message(i, i * 1_000), lane);
    finish(slot, start(slot));
  }
  lane.fail("deleted", "and its stream, maybe");
  return { slot, fresh: fakeLane([slot]).lane };
}

Deno.test("the stream is made anew: its first messages are not what was done under their sequences", () => {
  const { slot, fresh } = afterFive();
  for (let i = 1; i <= 7; i++) {
    assert.equal(slot.take(message(i, 10_000 + i), fresh), "queued");
  }
  for (let i = 1; i <= 7; i++) {
    assert.equal(slot.next().streamSequence, i);
    slot.done(message(i, 10_000 + i));
    assert.equal(slot.doneSequence, i);
    assert.equal(slot.take(message(i, 10_000 + i), fresh), "already-done");
  }
});

Deno.test("the server comes back without its last writes: what it still has is known as done, what is new is not", () => {
  const { slot, fresh } = afterFive();
  assert.equal(slot.take(message(2, 2_000), fresh), "already-done");
  assert.equal(slot.take(message(3, 3_000), fresh), "already-done");
  assert.equal(slot.take(message(4, 9_000), fresh), "queued");
  assert.equal(slot.take(message(5, 9_000), fresh), "queued");
});

Deno.test("the stream is made anew while a message is handled: those of the new one wait, also the one with its sequence", () => {
  const { slot, fresh } = afterFive();
  slot.take(message(6, 6_000), fresh);
  const run = start(slot);
  fresh.fail("deleted", "with its stream");
  const { lane } = fakeLane([slot]);
  for (let i = 1; i <= 6; i++) assert.equal(slot.take(message(i, 10_000), lane), "queued");
  assert.equal(run.message.storedAtMs, 6_000);
  finish(slot, run);
  for (let i = 1; i <= 6; i++) {
    assert.equal(slot.canRun, true);
    finish(slot, start(slot));
  }
  assert.equal(slot.take(message(6, 10_000), lane), "already-done");
});

Deno.test("the stream is made anew while a message is handled, and that is given up: the new ones go on", () => {
  const { slot, fresh } = afterFive();
  slot.take(message(6, 6_000), fresh);
  const run = start(slot);
  fresh.fail("deleted", "with its stream");
  const { lane } = fakeLane([slot]);
  assert.equal(slot.take(message(1, 10_000), lane), "queued");
  slot.running = undefined;
  slot.giveUp(run);
  assert.deepEqual([slot.stale, slot.next().streamSequence], [false, 1]);
});

Deno.test("an older copy of the stream comes back: what was begun here and never done does not stand in the way of what it has", () => {
  const { slot, lane } = slotOnLane();
  slot.take(message(6, 6_000), lane);
  const run = start(slot);
  lane.fail("deleted", "the server was restarted");
  slot.running = undefined;
  slot.giveUp(run);
  lane.detach(slot);
  const fresh = fakeLane([slot]).lane;
  // Handled by somebody else before, and its ack forgotten.
  assert.equal(slot.take(message(4, 4_000), fresh), "queued");
  assert.equal(slot.next().streamSequence, 4);
});

Deno.test("a server's clock that goes back makes no message of one stream a new one", () => {
  const { slot, lane } = slotOnLane();
  const late = [message(1, 9_000), message(2, 1_000), message(3, 2_000)];
  for (const one of late) slot.take(one, lane);
  finish(slot, start(slot));
  finish(slot, start(slot));
  const run = start(slot);
  lane.fail("failed", "its acks may be lost");
  const fresh = fakeLane([slot]).lane;
  const taken = late.map((one) => slot.take(one, fresh));
  assert.deepEqual(taken, ["already-done", "already-done", "replaced"]);
  finish(slot, run);
  assert.equal(slot.take(message(4, 3_000), fresh), "queued");
});
