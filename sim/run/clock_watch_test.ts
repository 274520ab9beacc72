import assert from "node:assert/strict";
import { ClockWatch } from "./clock_watch.ts";

/** Two clocks that are moved by hand; a reading may take a while. */
function rig() {
  const state = { steadyMs: 0, wallMs: 1_000_000, readingMs: 0 };
  const watch = new ClockWatch({
    steadyMs: () => state.steadyMs,
    wallMs: () => {
      state.steadyMs += state.readingMs;
      return state.wallMs;
    },
  });
  const pass = (ms: number) => {
    state.steadyMs += ms;
    state.wallMs += ms;
    return watch.look();
  };
  return { state, watch, pass };
}

Deno.test("clock watch: time that passes is no step, nor is what the clocks' resolution makes of it", () => {
  const { state, pass } = rig();
  for (let n = 0; n < 100; n++) {
    state.wallMs += n % 2 === 0 ? 1 : -1;
    assert.equal(pass(500), 0);
  }
});

Deno.test("clock watch: planted: a clock that is set, ahead or back, is told once", () => {
  const { state, pass } = rig();
  assert.equal(pass(500), 0);
  state.wallMs += 1_500;
  assert.equal(pass(500), 1_500);
  assert.equal(pass(500), 0);
  state.wallMs -= 20;
  assert.equal(pass(500), -20);
});

Deno.test("clock watch: a reading that was interrupted says nothing, the next one does", () => {
  const { state, pass } = rig();
  assert.equal(pass(500), 0);
  state.readingMs = 300;
  assert.equal(pass(500), 0);
  state.readingMs = 0;
  state.wallMs += 300;
  assert.equal(pass(500), 0, "the steady one had gone on meanwhile");
});

Deno.test("clock watch: this machine's clocks agree", () => {
  const watch = new ClockWatch();
  for (let n = 0; n < 1_000; n++) assert.equal(watch.look(), 0);
});
