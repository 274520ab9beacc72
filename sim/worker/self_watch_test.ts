import assert from "node:assert/strict";
import type { ConnectionStatus } from "../../lib/ports/messaging.ts";
import { SelfWatch } from "./self_watch.ts";

/** A worker whose clock and connection are moved by hand. */
function rig() {
  const told: string[] = [];
  const timers: { dueMs: number; fire: () => void }[] = [];
  const state = {
    nowMs: 0,
    workedMs: 0,
    closed: false,
    onStatus: (_status: ConnectionStatus) => {},
  };
  const watch = new SelfWatch({
    clock: {
      monotonicMs: () => state.nowMs,
      setTimer: (delayMs, fire) => {
        const timer = { dueMs: state.nowMs + delayMs, fire };
        timers.push(timer);
        return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
      },
    },
    messaging: {
      onStatus: (onStatus) => {
        state.onStatus = onStatus;
        return { close: () => state.closed = true };
      },
    },
    cpuMs: () => state.workedMs,
    nowUs: () => state.nowMs * 1_000,
    onImpaired: (why, fromUs, untilUs) => told.push(`${why} ${fromUs / 1_000}-${untilUs / 1_000}`),
  });
  /** Time passes and no timer fires, as in a process that is stopped; then those that are due do. */
  const pass = (ms: number) => {
    state.nowMs += ms;
    for (const timer of timers.splice(0)) {
      if (timer.dueMs <= state.nowMs) timer.fire();
      else timers.push(timer);
    }
  };
  return { told, timers, state, watch, pass };
}

Deno.test("self-watch: a worker that runs says nothing", () => {
  const { told, timers, watch, pass } = rig();
  for (let n = 0; n < 100; n++) pass(n % 2 === 0 ? 250 : 900);
  watch[Symbol.dispose]();
  assert.deepEqual(told, []);
  assert.equal(timers.length, 0);
});

Deno.test("self-watch: planted: a standstill is told with its time, and whether the worker was at work all the while", () => {
  const { told, state, watch, pass } = rig();
  pass(500);
  state.workedMs += 4_000;
  pass(10_000);
  pass(500);
  state.workedMs += 1_600;
  pass(2_000);
  assert.deepEqual(told, ["starved 500-10500", "busy 11000-13000"]);
  watch[Symbol.dispose]();
});

Deno.test("self-watch: planted: a cut connection is told when it is back, or at the end", () => {
  const { told, state, watch, pass } = rig();
  pass(200);
  state.onStatus("disconnected");
  pass(300);
  state.onStatus("reconnected");
  state.onStatus("reconnected");
  pass(200);
  state.onStatus("disconnected");
  pass(200);
  watch[Symbol.dispose]();
  assert.deepEqual(told, ["disconnected 200-500", "disconnected 700-900"]);
  assert.ok(state.closed);
});
