import assert from "node:assert/strict";
import type { ChaosType } from "../config/config_schema.ts";
import type { ChaosRecord } from "../report/report.ts";
import { Validation } from "./validation.ts";

const SECOND_US = 1_000_000;

/** A group that is what a test says, with a window of 30 s; times are seconds. */
function rig() {
  const group = { amiss: undefined as string | undefined, atS: 0 };
  const incidents: string[] = [];
  const whole: string[] = [];
  const validation = new Validation({
    windowMs: 30_000,
    nowUs: () => group.atS * SECOND_US,
    amiss: () => group.amiss,
    onWhole: (what) => whole.push(what),
    onFail: (incident) => incidents.push(incident),
  });
  let number = 0;
  const begin = (type: ChaosType, unfinished?: () => string | undefined): ChaosRecord => {
    const target = `worker-${++number}`;
    const nothing = { recoveredMs: null, wholeMs: null, moves: { total: 0, needed: 0 } };
    const record = { number, atMs: 0, type, target, ...nothing };
    validation.begin(record, group.atS * SECOND_US, unfinished);
    return record;
  };
  const at = (atS: number, amiss?: string) => {
    Object.assign(group, { atS, amiss });
    validation.look();
  };
  return { validation, incidents, whole, begin, at };
}

Deno.test("validation: whole again is the first moment after an event's own end at which the group is whole", () => {
  const { validation, incidents, whole, begin, at } = rig();
  const crash = begin("worker_crash");
  at(1);
  assert.equal(crash.wholeMs, null, "its own fault is not over");
  at(2, "worker-1 is silent");
  validation.ended(crash);
  at(4, "worker-1 is Scaling");
  assert.ok(validation.isOpen);
  at(4.5);
  assert.equal(crash.wholeMs, 2_500);
  assert.deepEqual(whole, ["#1 worker_crash (worker-1): whole again after 2500ms"]);
  at(99, "worker-1 is Scaling");
  assert.ok(!validation.isOpen);
  assert.deepEqual(incidents, []);
});

Deno.test("validation: planted: a group that is not whole again in time fails by the event's name", () => {
  const { validation, incidents, begin, at } = rig();
  const crash = begin("worker_crash");
  validation.ended(crash);
  at(30, "worker-3 is Scaling");
  assert.deepEqual(incidents, []);
  at(30.1, "worker-3 is Scaling");
  assert.deepEqual(incidents, [
    "#1 worker_crash (worker-1): not whole again within 30s: worker-3 is Scaling",
  ]);
  assert.equal(crash.wholeMs, null);
  assert.equal(crash.failed, "not whole again within 30s: worker-3 is Scaling");
  at(99, "worker-3 is Scaling");
  assert.equal(incidents.length, 1, "told once");
});

Deno.test("validation: planted: a group that is not whole in time fails although other faults come and go: each event has one window in all", () => {
  const { validation, incidents, begin, at } = rig();
  const crash = begin("worker_crash");
  validation.ended(crash);
  at(20, "worker-1 is Scaling");
  const pause = begin("worker_pause");
  at(45, "worker-1 is Scaling");
  validation.ended(pause);
  at(54, "worker-1 is Scaling");
  assert.deepEqual(incidents, [], "29 s without a fault");
  at(56, "worker-1 is Scaling");
  assert.deepEqual(incidents, [
    "#1 worker_crash (worker-1): not whole again within 30s: worker-1 is Scaling",
  ]);
  assert.ok(validation.isOpen, "the later one still has its time");
  at(57);
  assert.deepEqual([crash.wholeMs, pause.wholeMs], [null, 12_000]);
  assert.deepEqual(incidents.length, 1, "whole too late is not whole");
});

Deno.test("validation: while a fault is under way no event's time runs, nor is it in how long it took", () => {
  const { validation, incidents, whole, begin, at } = rig();
  const crash = begin("worker_crash");
  validation.ended(crash);
  at(29, "worker-1 is silent");
  const pause = begin("worker_pause");
  at(100, "worker-2 is silent");
  validation.ended(pause);
  at(100.5);
  assert.deepEqual(incidents, []);
  assert.deepEqual([crash.wholeMs, pause.wholeMs], [29_500, 500]);
  assert.deepEqual(whole, [
    "#1 worker_crash (worker-1): whole again after 29500ms, and 71000ms with other faults",
    "#2 worker_pause (worker-2): whole again after 500ms",
  ]);
});

Deno.test("validation: events that overlap are whole again at the same moment if nothing else is wrong", () => {
  const { validation, incidents, begin, at } = rig();
  const crash = begin("worker_crash");
  validation.ended(crash);
  at(3, "worker-1 is silent");
  const scale = begin("scale_up");
  validation.ended(scale);
  at(5);
  assert.deepEqual([crash.wholeMs, scale.wholeMs, incidents], [5_000, 2_000, []]);
});

Deno.test("validation: planted: what an event itself does not bring about is its own, whatever came later", () => {
  const { validation, incidents, begin, at } = rig();
  let amiss: string | undefined = "partition 7 is held up";
  const poison = begin("poison_message", () => amiss);
  validation.ended(poison);
  at(5);
  const crash = begin("worker_crash");
  validation.ended(crash);
  at(6);
  assert.equal(crash.wholeMs, 1_000);
  at(36, "worker-9 is Scaling");
  assert.deepEqual(incidents, [
    "#1 poison_message (worker-1): not whole again within 30s: partition 7 is held up",
  ]);
  const later = begin("poison_message", () => amiss);
  validation.ended(later);
  amiss = undefined;
  at(37);
  assert.equal(later.wholeMs, 1_000);
});

Deno.test("validation: planted: a defect is told by the name of the last event that was not over", () => {
  const { validation, incidents, begin, at } = rig();
  const first = begin("worker_crash");
  validation.ended(first);
  at(2);
  at(10, "worker-2 is silent");
  const second = begin("worker_pause");
  at(12, "worker-2 is silent");
  const third = begin("scale_up");
  validation.ended(third);
  validation.ended(second);
  at(20);
  const lost = (atS?: number) => {
    const atUs = atS === undefined ? {} : { atUs: atS * SECOND_US };
    validation.blame({ kind: "lost", partition: 4, detail: "sequences 3 of 1-9", ...atUs });
  };
  lost(5);
  lost(21);
  lost();
  assert.deepEqual(incidents, [], "nothing was under way, or nobody knows when it was");
  lost(11);
  lost(11.5);
  lost(15);
  const what = "before the group was whole again: lost in partition 4: sequences 3 of 1-9";
  assert.deepEqual(incidents, [
    `#2 worker_pause (worker-2): ${what}`,
    `#3 scale_up (worker-3): ${what}`,
  ]);
  assert.deepEqual([first.failed, second.failed, third.failed], [undefined, what, what]);
});
