import assert from "node:assert/strict";
import type { ChaosRecord } from "../report/report.ts";
import { LiveEvents } from "./live_events.ts";

function record(number: number, changes: Partial<ChaosRecord> = {}): ChaosRecord {
  return {
    ...{ number, atMs: number * 1_000, type: "worker_crash", target: "worker-1" },
    ...{ recoveredMs: null, wholeMs: null, moves: { total: 0, needed: 0 }, ...changes },
  };
}

const times = { phases: [{ phase: "load", atMs: 3_000 }], fromMs: 3_000, isOver: false };

Deno.test("events: told when they are new, and again when something has become of them", () => {
  const events = new LiveEvents();
  const records = [record(1), record(2, { skipped: "nobody there" })];
  events.look(records, times);
  assert.deepEqual(events.since(0).map(({ at, open }) => [at, open]), [[1, true], [2, false]]);
  const { revision } = events;
  events.look(records, times);
  assert.deepEqual(events.since(revision), []);
  Object.assign(records[0]!, { recoveredMs: 400, wholeMs: 900 });
  events.look(records, times);
  const [changed, ...others] = events.since(revision);
  assert.deepEqual([changed!.number, changed!.until, changed!.open], [1, 1.4, false]);
  assert.deepEqual(others, []);
});

Deno.test("events: each has its number of the plan, also when it was overtaken", () => {
  const events = new LiveEvents();
  events.look([record(3), record(2)], times);
  assert.deepEqual(events.since(0).map(({ number }) => number), [3, 2]);
});

Deno.test("events: nobody waits for those of before a run was resumed, nor after its end", () => {
  const events = new LiveEvents();
  events.begin(1);
  const records = [record(1), record(2)];
  events.look(records, times);
  assert.deepEqual(events.since(0).map(({ open }) => open), [false, true]);
  events.look(records, { ...times, isOver: true });
  assert.deepEqual(events.since(0).map(({ open }) => open), [false, false]);
});
