import assert from "node:assert/strict";
import { chooseCompaction } from "./compaction.ts";
import { fakeLane, FakeMessage, slots } from "../fakes_test.ts";
import { Run } from "../dispatch/run.ts";

function lanes(count: number, each = 1) {
  return Array.from({ length: count }, (_, index) => {
    const fed = slots(...Array.from({ length: each }, (_, i) => `${index}-${i}`));
    return { ...fakeLane(fed, `lane-${index}`), slots: fed };
  });
}

function chosen(made: ReturnType<typeof lanes>, maxLanes: number, partitionsMax = 100) {
  return chooseCompaction(made.map(({ lane }) => lane), maxLanes, partitionsMax)
    .map(({ name }) => name);
}

Deno.test("a few lanes are left alone, more are merged as far as they are idle", () => {
  const made = lanes(4);
  assert.deepEqual(chosen(made, 4), []);
  assert.equal(chosen(made, 3).length, 4);
  made[0]!.lane.busy = true;
  made[1]!.slots[0]!.stopped = true;
  assert.deepEqual(chosen(made, 3), ["lane-2", "lane-3"]);
  made[2]!.slots[0]!.wanted = false;
  assert.deepEqual(chosen(made, 3), [], "one alone is nothing to merge");
});

Deno.test("lanes in which messages wait are merged only where there are far too many, those in which one runs never", () => {
  const made = lanes(5);
  for (const { pull, slots } of made) pull.deliver(new FakeMessage(slots[0]!.id, 1, 1));
  assert.deepEqual(chosen(made, 4), []);
  assert.equal(chosen(made, 2).length, 5);
  for (const { slots: [slot] } of made) {
    slot!.running = new Run(slot!, slot!.next(), { worker: "w", instance: "i" }, false);
  }
  assert.deepEqual(chosen(made, 2), []);
});

Deno.test("lanes too large to become one are left alone: merging them would go on for ever", () => {
  assert.deepEqual(chosen(lanes(5, 60), 4, 100), []);
  assert.equal(chosen(lanes(5, 30), 4, 100).length, 3);
});
