import assert from "node:assert/strict";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { AckQueue } from "./ack_queue.ts";

Deno.test("an ack is taken at once, or late with all that came after it", async () => {
  const clock = new ManualClock();
  const queue = new AckQueue({
    nowMs: () => clock.monotonicMs(),
    schedule: (delayMs, _label, fire) => clock.setTimer(delayMs, fire),
  });
  const taken: number[] = [];
  const take = (lateMs: number, ack: number) => queue.take(lateMs, () => void taken.push(ack));
  take(0, 1);
  assert.deepEqual(taken, [1]);
  take(50, 2);
  take(10, 3);
  take(0, 4);
  await clock.advance(49);
  assert.deepEqual(taken, [1]);
  await clock.advance(1);
  assert.deepEqual(taken, [1, 2, 3, 4]);
  take(0, 5);
  assert.equal(taken.at(-1), 5);
});
