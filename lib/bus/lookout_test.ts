import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import { ManualClock } from "../test_support/manual_clock.ts";
import { Lookout } from "./lookout.ts";

const EVERY_MS = 100;

function rig() {
  const clock = new ManualClock();
  const gone: string[] = [];
  const state = {
    waiting: ["a", "b"],
    unserved: [] as string[],
    forbidden: [] as string[],
    over: [] as string[],
    asked: 0,
    fails: false,
  };
  const lookout = new Lookout({
    world: {
      clock,
      messaging: {
        unserved: (subjects: readonly string[], _: number, onRefused: (e: PartiError) => void) => {
          state.asked++;
          for (const value of state.forbidden) {
            onRefused(new PartiError("PARTI_REFUSED", "made to fail", { value }));
          }
          if (state.fails) return Promise.reject(new PartiError("PARTI_TIMEOUT", "silence"));
          return Promise.resolve(subjects.filter((subject) => state.unserved.includes(subject)));
        },
      } as never,
    },
    everyMs: EVERY_MS,
    subjects: () => state.waiting,
    isNeeded: () => true,
    isOver: (subject) => Promise.resolve(state.over.includes(subject)),
    onGone: (subject) => gone.push(subject),
  });
  return { clock, gone, state, lookout };
}

Deno.test("lookout: who is missing twice in a row is gone, and once is nothing", async () => {
  const { clock, gone, state, lookout } = rig();
  lookout.wake();
  state.unserved = ["a"];
  await clock.advance(EVERY_MS);
  assert.deepEqual(gone, []);
  state.unserved = [];
  await clock.advance(EVERY_MS);
  state.unserved = ["a", "b"];
  await clock.advance(EVERY_MS);
  assert.deepEqual(gone, []);
  state.unserved = ["a"];
  await clock.advance(EVERY_MS);
  assert.deepEqual(gone, ["a"]);
  await lookout.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("lookout: where this user may not send is told at once, and hides no other", async () => {
  const { clock, gone, state, lookout } = rig();
  lookout.wake();
  state.unserved = ["a"];
  state.forbidden = ["b"];
  await clock.advance(EVERY_MS);
  assert.deepEqual(gone, ["b"]);
  await clock.advance(EVERY_MS);
  assert.deepEqual(gone, ["b", "b", "a"]);
  await lookout.close();
});

Deno.test("lookout: it goes on where nobody has waited for long, and where the server is silent", async () => {
  const { clock, gone, state, lookout } = rig();
  state.waiting = [];
  lookout.wake();
  await clock.advance(EVERY_MS);
  assert.equal(state.asked, 0, "nobody to ask for");
  state.waiting = ["a"];
  state.unserved = ["a"];
  state.fails = true;
  await clock.advance(2 * EVERY_MS);
  assert.deepEqual([state.asked, gone], [2, []], "silence says nothing of anybody");
  state.fails = false;
  await clock.advance(2 * EVERY_MS);
  assert.deepEqual(gone, ["a"]);
  await lookout.close();
});

Deno.test("lookout: where a life is over nobody is waited for, whoever is there", async () => {
  const { clock, gone, state, lookout } = rig();
  state.over = ["b"];
  lookout.wake();
  await clock.advance(EVERY_MS);
  assert.deepEqual(gone, ["b"]);
  await lookout.close();
});

Deno.test("lookout: closed, it looks no more", async () => {
  const { clock, state, lookout } = rig();
  lookout.wake();
  await lookout.close();
  lookout.wake();
  await clock.advance(10 * EVERY_MS);
  assert.deepEqual([state.asked, clock.pendingTimers], [0, 0]);
});
