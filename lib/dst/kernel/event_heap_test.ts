import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import { EventHeap, SimEvent } from "./event_heap.ts";

let serials = 0;

function event(atMs: number, tie = 0): SimEvent {
  const serial = serials++;
  const fire = () => {};
  return new SimEvent(atMs, tie, serial, "x", undefined, fire, false);
}

function inOrder(a: SimEvent, b: SimEvent): number {
  return a.atMs - b.atMs || a.tie - b.tie || a.serial - b.serial;
}

function drain(heap: EventHeap): SimEvent[] {
  const events: SimEvent[] = [];
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) events.push(next);
  return events;
}

Deno.test("the soonest comes first, then the lower tie, then the one scheduled first", () => {
  const [late, tied, first, second] = [event(2), event(1, 5), event(1, 3), event(1, 3)];
  const heap = new EventHeap();
  for (const one of [late, second, tied, first]) heap.push(one);
  assert.deepEqual(drain(heap), [first, second, tied, late]);
  assert.equal(heap.pop(), undefined);
});

Deno.test("it gives what a sorted array gives, whatever is put in, taken out and cancelled in between", () => {
  for (let seed = 0; seed < 30; seed++) {
    const draws = new Draws(seed, "heap");
    const heap = new EventHeap();
    let sorted: SimEvent[] = [];
    const put = () => {
      const one = event(draws.integer(0, 40), draws.integer(0, 3));
      heap.push(one);
      sorted.push(one);
      sorted.sort(inOrder);
    };
    for (let step = 0; step < 2_000; step++) {
      const what = draws.float();
      if (what < 0.55) put();
      else if (what < 0.8 && sorted.length > 0) draws.pick(sorted).cancel();
      else {
        // Cancelled ones may come out, or may have been swept away before.
        let taken = heap.pop();
        while (taken?.cancelled) taken = heap.pop();
        sorted = sorted.filter((one) => !one.cancelled);
        assert.equal(taken, sorted.shift());
      }
      assert.equal(heap.liveCount, sorted.filter((one) => !one.cancelled).length);
    }
    const left = drain(heap).filter((one) => !one.cancelled);
    assert.deepEqual(left, sorted.filter((one) => !one.cancelled));
    assert.deepEqual([heap.size, heap.liveCount], [0, 0]);
  }
});

Deno.test("cancelled events are swept out, so that timeouts of answered requests do not pile up", () => {
  const heap = new EventHeap();
  for (let i = 0; i < 100_000; i++) {
    const timeout = event(5_000 + i);
    heap.push(timeout);
    timeout.cancel();
    timeout.cancel();
    assert.ok(heap.size < 1_000);
  }
  assert.equal(heap.liveCount, 0);
  const one = event(1);
  heap.push(one);
  assert.deepEqual(drain(heap).filter((left) => !left.cancelled), [one]);
});

Deno.test("an event that was cancelled outside the heap counts as such when it is put in", () => {
  const heap = new EventHeap();
  const one = event(1);
  one.cancel();
  heap.push(one);
  assert.deepEqual([heap.size, heap.liveCount], [1, 0]);
  assert.equal(heap.pop(), one);
  assert.deepEqual([heap.size, heap.liveCount], [0, 0]);
});
