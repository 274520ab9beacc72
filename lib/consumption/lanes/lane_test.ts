import assert from "node:assert/strict";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";

Deno.test("a lane asks for as many messages as there is room for", () => {
  const [a] = slots("a");
  const { lane, pull } = fakeLane([a!]);
  assert.equal(pull.wanted, 8);
  pull.deliver(new FakeMessage("a", 1, 1));
  pull.deliver(new FakeMessage("a", 2, 2));
  assert.equal(lane.buffered, 2);
  assert.equal(pull.wanted, 6);
  lane.removed(a!.next());
  assert.equal(pull.wanted, 7);
});

Deno.test("a lane holds no more bytes than it may, and at least one message", () => {
  const [a, b] = slots("a", "b");
  const { lane, pull } = fakeLane([a!, b!]);
  const large = (partition: string, sequence: number, bytes: number): FakeMessage => {
    const message = new FakeMessage(partition, sequence, sequence);
    message.data = new Uint8Array(bytes);
    return message;
  };
  pull.deliver(large("a", 1, 600));
  pull.deliver(large("b", 2, 300));
  lane.setLimit(8, 1_000);
  assert.deepEqual([pull.wanted, pull.wantedBytes, lane.full], [6, 100, false]);
  pull.deliver(large("a", 3, 400));
  lane.setLimit(8, 1_000);
  assert.deepEqual([pull.wanted, lane.full], [0, true]);
  lane.removed(a!.next());
  assert.deepEqual([pull.wanted, pull.wantedBytes, lane.full], [6, 300, false]);
  lane.detach(b!);
  assert.deepEqual([pull.wanted, pull.wantedBytes], [7, 600]);
  lane.removed(a!.next());
  pull.deliver(large("a", 4, 5_000));
  lane.setLimit(8, 1_000);
  assert.equal(pull.wanted, 0);
  lane.removed(a!.next());
  assert.deepEqual([pull.wanted, pull.wantedBytes], [8, 1_000]);
});

Deno.test("a delivery that was made and never came ends the lane, when the server says what it has delivered", () => {
  const [a] = slots("a");
  const { pull, ends } = fakeLane([a!]);
  pull.handler.onDelivered?.(0);
  pull.deliver(new FakeMessage("a", 1, 1));
  pull.handler.onDelivered?.(1);
  assert.deepEqual(ends, []);
  pull.handler.onDelivered?.(2);
  assert.deepEqual(ends, [{ reason: "gap", detail: "delivery 2 was made, and 1 came last" }]);
});

Deno.test("deliveries that take no room give their credit back: a lane does not run dry on what it ignores", () => {
  const [a, b] = slots("a", "b");
  const { lane, pull, taken } = fakeLane([a!, b!]);
  lane.detach(b!);
  for (let i = 1; i <= 50; i++) {
    assert.ok(pull.deliver(new FakeMessage("b", i, i)), `delivery ${i} was not asked for`);
  }
  assert.deepEqual(taken, []);
  assert.equal(lane.buffered, 0);
  assert.equal(pull.wanted, 8);
  a!.done(new FakeMessage("a", 100));
  a!.drop();
  for (let i = 51; i <= 100; i++) assert.ok(pull.deliver(new FakeMessage("a", i, i)));
  assert.equal(pull.wanted, 8);
});

Deno.test("detaching a slot with messages gives their room to the others", () => {
  const [a, b] = slots("a", "b");
  const { lane, pull } = fakeLane([a!, b!]);
  for (let i = 1; i <= 8; i++) pull.deliver(new FakeMessage("b", i, i));
  assert.equal(lane.full, true);
  assert.equal(pull.wanted, 0);
  lane.detach(b!);
  assert.equal(lane.buffered, 0);
  assert.equal(pull.wanted, 8);
  assert.equal(b!.lane, undefined);
});

Deno.test("a hole in the deliveries ends the lane, and what waits is forgotten", () => {
  const [a] = slots("a");
  const { lane, pull, taken, ends } = fakeLane([a!]);
  pull.deliver(new FakeMessage("a", 1, 1));
  pull.deliver(new FakeMessage("a", 3, 3));
  assert.deepEqual(ends, [{ reason: "gap", detail: "delivery 3 came instead of 2" }]);
  assert.equal(pull.closed, true);
  assert.equal(a!.queue.length, 0);
  assert.equal(lane.buffered, 0);
  assert.deepEqual(taken.map(({ sequence }) => sequence), [1]);
});

Deno.test("an older message after a younger one of its partition ends the lane", () => {
  const [a] = slots("a");
  const { pull, ends } = fakeLane([a!]);
  pull.deliver(new FakeMessage("a", 5, 1));
  pull.deliver(new FakeMessage("a", 4, 2));
  assert.deepEqual(ends.map(({ reason }) => reason), ["gap"]);
});

Deno.test("W-35: after its end a lane takes nothing, and what waited cannot be started: others may own it", () => {
  const [a] = slots("a");
  const { lane, pull, taken, ends } = fakeLane([a!]);
  pull.deliver(new FakeMessage("a", 1, 1));
  pull.handler.onLost("deleted", "evicted");
  assert.equal(a!.canRun, false);
  pull.handler.onMessage(new FakeMessage("a", 2, 2));
  assert.equal(taken.length, 1);
  assert.deepEqual([lane.closed, lane.ended, ends.length], [true, "deleted", 1]);
});
