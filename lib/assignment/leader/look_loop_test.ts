import assert from "node:assert/strict";
import { plainRandom } from "../../membership/fake_bucket_test.ts";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import { LookLoop } from "./look_loop.ts";

function rig() {
  const clock = new ManualClock();
  const state = {
    looks: 0,
    atOnce: 0,
    look: (): void | Promise<void> => {},
    failures: 0,
  };
  const loop = new LookLoop({
    clock,
    random: plainRandom(),
    look: async () => {
      state.looks++;
      assert.equal(++state.atOnce, 1, "two looks at a time");
      try {
        await state.look();
      } finally {
        state.atOnce--;
      }
    },
    onFailure: () => state.failures++,
  });
  return { clock, state, loop };
}

Deno.test("loop: one look at a time, and one more for all who woke it meanwhile", async () => {
  const { state, loop } = rig();
  const held = Promise.withResolvers<void>();
  state.look = () => held.promise;
  for (let n = 0; n < 5; n++) loop.wake();
  await settle();
  assert.equal(state.looks, 1);
  held.resolve();
  await loop.idle();
  assert.equal(state.looks, 2);
});

Deno.test("loop: of several times the first counts, and it counts once", async () => {
  const { clock, state, loop } = rig();
  const now = clock.monotonicMs();
  loop.wakeBy(now + 500);
  loop.wakeBy(now + 100);
  loop.wakeBy(now + 300);
  await clock.advance(99);
  assert.equal(state.looks, 0);
  await clock.advance(1_000);
  assert.equal(state.looks, 1);
  state.look = () => loop.wakeBy(clock.monotonicMs() + 200);
  loop.wake();
  await clock.advance(199);
  assert.equal(state.looks, 2);
  await clock.advance(1);
  assert.equal(state.looks, 3);
  loop.end();
});

Deno.test("loop: a failed look is followed by another, soon and never later than a second", async () => {
  const { clock, state, loop } = rig();
  state.look = () => Promise.reject(new Error("no"));
  loop.wake();
  await clock.advance(10_000);
  assert.ok(state.failures >= 10 && state.failures <= 15, `${state.failures}`);
  state.look = () => {};
  await clock.advance(1_000);
  const { looks } = state;
  await clock.advance(10_000);
  assert.equal(state.looks, looks);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("loop: no event is lost between two looks", async () => {
  const { state, loop } = rig();
  let wakes = 0, seen = 0;
  state.look = async () => {
    seen = wakes;
    await undefined;
  };
  for (let n = 0; n < 1_000; n++) {
    wakes++;
    loop.wake();
    for (let turn = 0; turn < n % 7; turn++) await undefined;
  }
  await settle();
  assert.equal(seen, wakes);
});

Deno.test("loop: after its end there is no look, no failure and no timer", async () => {
  const { clock, state, loop } = rig();
  const held = Promise.withResolvers<void>();
  state.look = () => held.promise;
  loop.wake();
  loop.wakeBy(clock.monotonicMs() + 10);
  await settle();
  loop.end();
  held.reject(new Error("too late"));
  await loop.idle();
  loop.wake();
  loop.wakeBy(0);
  await clock.advance(1_000);
  assert.equal(state.looks, 1);
  assert.equal(state.failures, 0);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(loop.ended, true);
});
