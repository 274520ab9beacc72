import assert from "node:assert/strict";
import { guardedEvents } from "./events.ts";

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
