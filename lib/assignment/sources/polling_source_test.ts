import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import type { Partition } from "../partition.ts";
import { pollingSource } from "./polling_source.ts";
import { HandClock, settled } from "./source_testing.ts";

const signal = new AbortController().signal;

function rig(options: { timeoutMs?: number } = {}) {
  const clock = new HandClock();
  const state = {
    clock,
    answer: [{ keys: ["a"] }] as readonly Partition[] | Error | "hang",
    polls: 0,
    changes: 0,
    errors: [] as unknown[],
    signals: [] as AbortSignal[],
  };
  const source = pollingSource({
    ...options,
    clock,
    intervalMs: 1_000,
    onError: (error) => state.errors.push(error),
    poll: (signal) => {
      state.polls++;
      state.signals.push(signal);
      if (state.answer === "hang") return new Promise<never>(() => {});
      if (state.answer instanceof Error) throw state.answer;
      return state.answer;
    },
  });
  return { state, source, clock };
}

Deno.test("polling source: polls only while somebody watches, and tells of changed content only", async () => {
  const { state, source, clock } = rig();
  await clock.pass(5_000);
  assert.equal(state.polls, 0);
  await source.list(signal);
  const watch = source.watch!(() => state.changes++);
  await clock.pass(3_000);
  assert.deepEqual([state.polls, state.changes], [4, 0]);
  state.answer = [{ keys: ["b"] }, { keys: ["a"], weight: 1 }];
  await clock.pass(1_000);
  assert.equal(state.changes, 1);
  state.answer = [{ keys: ["a"] }, { keys: ["b"] }];
  await clock.pass(2_000);
  assert.equal(state.changes, 1, "another order is no change");
  await watch.close();
  await clock.pass(5_000);
  assert.equal(state.polls, 7);
  assert.equal(clock.pending, 0);
});

Deno.test("polling source: a failing or malformed poll is reported, and polling goes on", async () => {
  const { state, source, clock } = rig();
  await source.list(signal);
  source.watch!(() => state.changes++);
  state.answer = new Error("database is down");
  await clock.pass(2_000);
  state.answer = [{ keys: [] }];
  await clock.pass(1_000);
  assert.equal(state.errors.length, 3);
  assert.equal(state.changes, 0);
  state.answer = [{ keys: ["a"] }, { keys: ["b"] }];
  await clock.pass(1_000);
  assert.equal(state.changes, 1);
  state.answer = new Error("down again");
  await assert.rejects(source.list(signal), /down again/);
});

Deno.test("polling source: what somebody has listed is told to the others all the same, with the next poll and once", async () => {
  const { state, source, clock } = rig();
  await source.list(signal);
  const told = [0, 0];
  const watches = [source.watch!(() => told[0]!++), source.watch!(() => told[1]!++)];
  state.answer = [{ keys: ["b"] }];
  await source.list(signal);
  await clock.pass(3_000);
  assert.deepEqual(told, [1, 1]);
  // What was seen in between counts, although it is over.
  state.answer = [{ keys: ["c"] }];
  await source.list(signal);
  state.answer = [{ keys: ["b"] }];
  await clock.pass(3_000);
  assert.deepEqual(told, [2, 2]);
  for (const watch of watches) await watch.close();
});

Deno.test("polling source: one that never says the same twice is listed once after each poll, and not in a loop", async () => {
  const clock = new HandClock();
  let [polls, changes] = [0, 0];
  const source = pollingSource({
    clock,
    intervalMs: 1_000,
    poll: () => [{ keys: [`${polls++}`] }],
  });
  const watch = source.watch!(() => {
    changes++;
    void source.list(signal);
  });
  await source.list(signal);
  await clock.pass(10_000);
  assert.deepEqual([polls, changes], [1 + 10 + 10, 10]);
  await watch.close();
});

Deno.test("polling source: a hanging poll times out, and polls never overlap", async () => {
  const { state, source, clock } = rig({ timeoutMs: 2_500 });
  await source.list(signal);
  source.watch!(() => state.changes++);
  state.answer = "hang";
  await clock.pass(3_400);
  assert.equal(state.polls, 2);
  assert.equal(state.signals[1]!.aborted, false);
  await clock.pass(100);
  assert.ok(isPartiError(state.errors[0], "PARTI_TIMEOUT"));
  assert.equal(state.signals[1]!.aborted, true);
  await clock.pass(1_000);
  assert.equal(state.polls, 3);
});

Deno.test("polling source: closing while a poll is under way ends it, and a new watch starts anew", async () => {
  const { state, source, clock } = rig();
  await source.list(signal);
  const watch = source.watch!(() => state.changes++);
  state.answer = "hang";
  await clock.pass(1_000);
  await watch.close();
  await settled();
  assert.equal(state.signals.at(-1)!.aborted, true);
  assert.deepEqual([clock.pending, state.errors.length], [0, 0]);
  state.answer = [{ keys: ["z"] }];
  source.watch!(() => state.changes++);
  await clock.pass(1_000);
  assert.equal(state.changes, 1, "what changed while nobody watched is seen");
});

Deno.test("polling source: refuses a bad interval", () => {
  for (const intervalMs of [0, -1, NaN, Infinity]) {
    assert.throws(
      () => pollingSource({ clock: new HandClock(), intervalMs, poll: () => [] }),
      (error) => isPartiError(error, "PARTI_INVALID_CONFIG"),
    );
  }
});
