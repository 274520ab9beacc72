import assert from "node:assert/strict";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { Drains } from "./drains.ts";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";
import { Hold } from "../dispatch/hold.ts";
import { Run } from "../dispatch/run.ts";
import { ShardSlot } from "../dispatch/shard_slot.ts";

function running() {
  const [slot] = slots("a");
  const { lane } = fakeLane([slot!]);
  slot!.take(new FakeMessage("a", 1), lane);
  const run = new Run(slot!, slot!.next(), { worker: "w", instance: "i" }, false);
  slot!.running = run;
  const clock = new ManualClock();
  let over = 0;
  const drains = new Drains(clock, 1_000, () => over++);
  return { slot: slot!, lane, run, clock, drains, over: () => over };
}

Deno.test("what runs in a partition that moves on is aborted after the drain timeout, once", async () => {
  const { slot, run, clock, drains, over } = running();
  drains.update([slot]);
  assert.equal(clock.pendingTimers, 0, "it is wanted");
  slot.wanted = false;
  drains.update([slot]);
  await clock.advance(500);
  drains.update([slot]);
  await clock.advance(499);
  assert.equal(run.aborted, false);
  await clock.advance(1);
  assert.deepEqual([run.aborted, over()], [true, 1]);
  assert.equal((run.signal.reason as { code: string }).code, "PARTI_ABORTED");
  drains.update([slot]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a partition that is wanted again has no deadline any more", async () => {
  const { slot, run, clock, drains } = running();
  slot.wanted = false;
  drains.update([slot]);
  slot.wanted = true;
  drains.update([slot]);
  assert.equal(clock.pendingTimers, 0);
  await clock.advance(5_000);
  assert.equal(run.aborted, false);
});

Deno.test("a handler whose lane is gone has a deadline too", async () => {
  const { slot, lane, run, clock, drains } = running();
  lane.detach(slot);
  slot.wanted = false;
  drains.update([slot]);
  await clock.advance(1_000);
  assert.equal(run.aborted, true);
});

Deno.test("closed, no deadline is left", () => {
  const { slot, clock, drains } = running();
  slot.wanted = false;
  drains.update([slot]);
  drains.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("what keeps its shard from a fresh lane has a deadline, though the shard is wanted; a partition waits for nobody but itself", async () => {
  const hold = new Hold({ epoch: 1, generation: 1 });
  const shard = new ShardSlot(
    { keys: ["shard-3"] },
    "shard-3",
    "feed.3.",
    "FEED-3",
    hold,
    () => {},
  );
  const { lane } = fakeLane([shard]);
  const message = new FakeMessage("3.a", 1);
  const key = shard.part(message.subject);
  key.take(message, lane);
  key.running = new Run(key, key.next(), { worker: "w", instance: "i" }, false);
  const { slot, clock, drains, run } = running();
  const update = () => drains.update([shard, slot]);
  update();
  assert.equal(clock.pendingTimers, 0, "its lane is well");
  shard.stale = true;
  slot.stale = true;
  update();
  assert.equal(clock.pendingTimers, 1);
  shard.stale = false;
  update();
  assert.equal(clock.pendingTimers, 0);
  lane.fail("gap", "a delivery was lost");
  update();
  await clock.advance(1_000);
  assert.deepEqual([key.running.aborted, run.aborted], [true, false]);
});
