import assert from "node:assert/strict";
import { plainRandom } from "../../membership/fake_bucket_test.ts";
import { ManualClock, settle } from "../../test_support/manual_clock.ts";
import type { Reaped } from "./lane_reaper.ts";
import { LaneSweeper } from "./lane_sweeper.ts";

const EVERY_MS = 30_000;

function rig() {
  const clock = new ManualClock();
  const state = {
    sweeps: 0,
    complete: true,
    held: undefined as Promise<void> | undefined,
    freed: [] as string[],
    asked: [] as boolean[],
  };
  const sweeper = new LaneSweeper({
    clock,
    random: plainRandom(),
    everyMs: EVERY_MS,
    reap: async (isAlive): Promise<Reaped> => {
      state.sweeps++;
      await state.held;
      state.asked.push(isAlive("i1"));
      return { complete: state.complete, deleted: 0 };
    },
    isAlive: () => false,
    onFreed: (instance, partitions) => state.freed.push(`${instance}: ${partitions}`),
  });
  return { clock, state, sweeper };
}

Deno.test("sweeper: frees what the dead held once their lanes are gone", async () => {
  const { clock, state, sweeper } = rig();
  sweeper.bury("i1", ["a", "b"]);
  await settle();
  assert.deepEqual(state.freed, ["i1: a,b"]);
  sweeper.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("sweeper: tries until it has succeeded, and frees nothing before", async () => {
  const { clock, state, sweeper } = rig();
  state.complete = false;
  sweeper.bury("i1", ["a"]);
  await clock.advance(5_000);
  const tries = state.sweeps;
  assert.ok(tries > 3 && tries < 10, `${tries}`);
  assert.deepEqual(state.freed, []);
  state.complete = true;
  await clock.advance(5_000);
  assert.equal(state.sweeps, tries + 1);
  assert.deepEqual(state.freed, ["i1: a"]);
  sweeper.close();
});

Deno.test("sweeper: who dies during a sweep is seen to by the next", async () => {
  const { state, sweeper } = rig();
  const held = Promise.withResolvers<void>();
  state.held = held.promise;
  sweeper.bury("i1", ["a"]);
  await settle();
  sweeper.bury("i2", ["b"]);
  sweeper.bury("i3", ["c"]);
  held.resolve();
  await settle();
  assert.equal(state.sweeps, 2);
  assert.deepEqual(state.freed, ["i1: a", "i2: b", "i3: c"]);
  sweeper.close();
});

Deno.test("sweeper: looks now and then without a reason", async () => {
  const { clock, state, sweeper } = rig();
  sweeper.sweep();
  await clock.advance(EVERY_MS * 3);
  assert.equal(state.sweeps, 4);
  sweeper.close();
});

Deno.test("sweeper: after its end everybody counts as alive and nothing is said", async () => {
  const { clock, state, sweeper } = rig();
  const held = Promise.withResolvers<void>();
  state.held = held.promise;
  sweeper.bury("i1", ["a"]);
  await settle();
  sweeper.close();
  held.resolve();
  await clock.advance(EVERY_MS);
  sweeper.sweep();
  await settle();
  assert.deepEqual(state.asked, [true]);
  assert.deepEqual(state.freed, []);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("sweeper: whoever may still be at work is spared for a while, by every sweep", async () => {
  const { clock, state, sweeper } = rig();
  sweeper.bury("i1", ["a"], 2_000);
  await clock.advance(500);
  assert.equal(state.sweeps, 0);
  sweeper.bury("i2", ["b"]);
  await settle();
  assert.deepEqual(state.asked, [true]);
  assert.deepEqual(state.freed, ["i2: b"]);
  await clock.advance(1_500);
  assert.deepEqual(state.asked, [true, false]);
  assert.deepEqual(state.freed, ["i2: b", "i1: a"]);
  sweeper.bury("i3", [], 2_000);
  sweeper.close();
  assert.equal(clock.pendingTimers, 0);
});
