import assert from "node:assert/strict";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { StallWatch } from "./stall_watch.ts";

function watchOn(clock: ManualClock, state: { expecting: boolean; beating: boolean }) {
  let stalls = 0;
  const watch = new StallWatch({
    clock,
    heartbeatMs: 100,
    isExpecting: () => state.expecting,
    isBeating: () => state.beating,
    onStalled: () => void stalls++,
  });
  return { watch, stalls: () => stalls };
}

Deno.test("silence is noticed with the third tick, and costs nothing before it begins", async () => {
  const clock = new ManualClock();
  const state = { expecting: true, beating: true };
  const { watch, stalls } = watchOn(clock, state);
  watch.look();
  assert.equal(clock.pendingTimers, 0);
  await clock.advance(1_050);
  watch.onHeard();
  state.beating = false;
  watch.look();
  watch.look();
  assert.equal(clock.pendingTimers, 1);
  await clock.advance(249);
  assert.equal(stalls(), 0);
  await clock.advance(1);
  assert.equal(stalls(), 1);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a tick since the last heartbeat counts", async () => {
  const clock = new ManualClock();
  const state = { expecting: true, beating: true };
  const { watch, stalls } = watchOn(clock, state);
  await clock.advance(60);
  watch.onHeard();
  // Heartbeats came at 160, 260, … and the ticks were at 100, 200, …: at 510 the last beat was at 460 and a tick at 500.
  await clock.advance(450);
  state.beating = false;
  watch.look();
  await clock.advance(189);
  assert.equal(stalls(), 0);
  await clock.advance(1);
  assert.equal(stalls(), 1);
});

Deno.test("a sign of life, or nothing to expect, ends the count", async () => {
  const clock = new ManualClock();
  const state = { expecting: true, beating: false };
  const { watch, stalls } = watchOn(clock, state);
  watch.look();
  await clock.advance(250);
  watch.onHeard();
  await clock.advance(200);
  state.beating = true;
  await clock.advance(1_000);
  assert.equal(clock.pendingTimers, 0);
  state.beating = false;
  watch.look();
  await clock.advance(100);
  state.expecting = false;
  await clock.advance(1_000);
  assert.equal(stalls(), 0);
  state.expecting = true;
  watch.look();
  watch.close();
  await clock.advance(1_000);
  assert.equal(stalls(), 0);
});
