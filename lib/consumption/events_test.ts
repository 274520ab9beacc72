import assert from "node:assert/strict";
import { guardedEvents, noConsumptionEvents } from "./events.ts";

Deno.test("a listener hears what it listens to, with its own `this`, and the rest goes nowhere", () => {
  class Listener {
    heard: unknown[] = [];
    evicted(lane: string): void {
      this.heard.push(lane);
    }
  }
  const listener = new Listener();
  const events = guardedEvents(listener);
  events.evicted("lane");
  events.compacted(2);
  assert.deepEqual(listener.heard, ["lane"]);
});

Deno.test("several listeners hear one after another, whatever one of them throws", () => {
  const heard: unknown[] = [];
  const thrown = new Error("first");
  const events = guardedEvents(
    {
      started: (id) => {
        heard.push(`first ${id}`);
        throw thrown;
      },
    },
    { error: (error) => heard.push(error) },
    { started: (id) => heard.push(`third ${id}`), error: (error) => heard.push(error) },
  );
  events.started("a", {} as Parameters<typeof events.started>[1]);
  assert.deepEqual(heard, ["first a", thrown, thrown, "third a"]);
  assert.equal(guardedEvents(events), events, "guarded once is enough");
});

Deno.test("every event that there is gets through with all that is told", () => {
  const names = Object.keys(noConsumptionEvents) as (keyof typeof noConsumptionEvents)[];
  const heard: unknown[] = [];
  const listener = Object.fromEntries(
    names.map((name) => [name, (...args: unknown[]) => heard.push([name, ...args])]),
  );
  const events = guardedEvents(listener);
  const told = names.map((name) => [name, 1, 2, 3, 4].slice(0, 1 + events[name].length));
  for (const [name, ...args] of told) {
    (events[name as typeof names[number]] as (...args: unknown[]) => void)(...args);
  }
  assert.deepEqual(heard, told);
});

Deno.test("what a listener throws is told as an error, and what that throws ends there", () => {
  const told: unknown[] = [];
  const thrown = new Error("metric");
  const events = guardedEvents({
    compacted: () => {
      throw thrown;
    },
    error: (error) => {
      told.push(error);
      throw error;
    },
  });
  events.compacted(2);
  assert.deepEqual(told, [thrown]);
});
