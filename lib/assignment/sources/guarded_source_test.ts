import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import type { Partition, PartitionSource } from "../partition.ts";
import { GuardedSource } from "./guarded_source.ts";
import { HandClock, settled } from "./source_testing.ts";

const a = { keys: ["a"] }, b = { keys: ["b"], weight: 2 };
const A = { id: "a", weight: 1 }, B = { id: "b", weight: 2 };

function rig(options: { allowEmpty?: boolean; watchable?: boolean } = {}) {
  const clock = new HandClock();
  const state = {
    answer: [a] as readonly Partition[] | Error | "hang",
    asked: 0,
    changes: 0,
    problems: 0,
    tell: () => {},
    watched: false,
    close: (): void | Promise<void> => {},
  };
  const guard = new GuardedSource({
    clock,
    allowEmpty: options.allowEmpty ?? false,
    onProblem: () => state.problems++,
    source: {
      list: () => {
        state.asked++;
        if (state.answer === "hang") return new Promise<never>(() => {});
        if (state.answer instanceof Error) return Promise.reject(state.answer);
        return Promise.resolve(state.answer);
      },
      watch: (onChange) => {
        state.watched = true;
        state.tell = onChange;
        return {
          close: () => {
            state.watched = false;
            return state.close();
          },
        };
      },
    },
  });
  return { clock, state, guard };
}

Deno.test("guard: sorts, removes repetitions, and asks only when there may be news", async () => {
  const { state, guard } = rig();
  guard.watch(() => state.changes++);
  state.answer = [b, a, b];
  assert.equal(guard.known, false);
  const first = await guard.refresh();
  assert.deepEqual(first, { partitions: [A, B], changed: true });
  assert.deepEqual(await guard.refresh(), { partitions: [A, B], changed: false });
  assert.equal(state.asked, 1);
  state.answer = [a, b];
  assert.deepEqual(await guard.refresh(true), { partitions: [A, B], changed: false });
  assert.equal(state.asked, 2);
});

// W-42: a transient empty list is applied as truth.
Deno.test("guard: an empty, failing, hanging or malformed answer never replaces what is known", async () => {
  const { state, guard, clock } = rig();
  await guard.refresh();
  for (const answer of [[], new Error("down"), [{ keys: [] }], [a, { keys: ["a"], weight: 3 }]]) {
    state.answer = answer;
    const after = await guard.refresh(true);
    assert.deepEqual(after.partitions, [A]);
    assert.equal(after.changed, false);
    assert.ok(isPartiError(after.problem, "PARTI_SOURCE_FAILED"));
  }
  state.answer = "hang";
  const hanging = guard.refresh(true);
  await clock.pass(5_000);
  assert.match((await hanging).problem!.message, /no answer within 5000 ms/);
  assert.equal(state.problems, 5);
  state.answer = [b];
  assert.deepEqual(await guard.refresh(true), { partitions: [B], changed: true });
  assert.equal(guard.problem, undefined);
});

Deno.test("guard: empty lists count where they are allowed", async () => {
  const { state, guard } = rig({ allowEmpty: true });
  await guard.refresh();
  state.answer = [];
  assert.deepEqual(await guard.refresh(true), { partitions: [], changed: true });
  assert.equal(guard.known, true);
});

Deno.test("guard: an empty first answer is not taken either, and something is known only after a good one", async () => {
  const { state, guard } = rig();
  state.answer = [];
  const answer = await guard.refresh();
  assert.ok(answer.problem);
  assert.equal(guard.known, false);
  state.answer = [a];
  await guard.refresh();
  assert.equal(guard.known, true);
});

Deno.test("guard: once something is known nobody waits for the source", async () => {
  const { state, guard, clock } = rig();
  guard.watch(() => state.changes++);
  await guard.refresh();
  await settled();
  const before = state.changes;
  state.answer = "hang";
  state.tell();
  assert.equal(state.changes, before + 1);
  assert.deepEqual((await guard.refresh()).partitions, [A]);
  assert.equal(state.asked, 2);
  // The answer comes late and is told of.
  state.answer = [a, b];
  await clock.pass(5_000 + 500);
  await guard.refresh();
  await settled();
  assert.deepEqual(guard.partitions, [A, B]);
  assert.equal(state.changes, before + 3);
});

Deno.test("guard: a refused answer is asked for again with growing delays while somebody watches", async () => {
  const { state, guard, clock } = rig();
  const watch = guard.watch(() => {
    state.changes++;
    void guard.refresh();
  });
  state.answer = new Error("down");
  await guard.refresh();
  await clock.pass(500 + 1_000 + 2_000);
  assert.equal(state.asked, 4);
  state.answer = [a];
  await clock.pass(4_000);
  assert.deepEqual([state.asked, guard.known], [5, true]);
  state.answer = [];
  await guard.refresh(true);
  assert.equal(clock.pending, 1);
  await watch.close();
  assert.deepEqual([clock.pending, state.watched], [0, false]);
});

Deno.test("guard: a new leader goes by the assignment in force until its source answers", async () => {
  const { state, guard } = rig();
  guard.adopt([]);
  assert.equal(guard.known, false);
  guard.adopt([A, B]);
  state.answer = new Error("down");
  assert.deepEqual((await guard.refresh(true)).partitions, [A, B]);
  state.answer = [];
  assert.deepEqual((await guard.refresh(true)).partitions, [A, B]);
  state.answer = [b];
  assert.deepEqual(await guard.refresh(true), { partitions: [B], changed: true });
  guard.adopt([A]);
  assert.deepEqual(guard.partitions, [B]);
});

Deno.test("guard: a forced refresh does not settle for an answer that was under way", async () => {
  const { state, guard, clock } = rig();
  guard.adopt([A]);
  state.answer = "hang";
  await guard.refresh();
  state.answer = [b];
  const forced = guard.refresh(true);
  await clock.pass(5_000);
  assert.deepEqual((await forced).partitions, [B]);
});

Deno.test("guard: a source that cannot be watched is still asked", async () => {
  const guard = new GuardedSource({
    clock: new HandClock(),
    source: {
      list: () => Promise.resolve([a]),
      watch: () => {
        throw new Error("not here");
      },
    },
  });
  const watch = guard.watch(() => {});
  assert.deepEqual((await guard.refresh()).partitions, [A]);
  await watch.close();
});

/** A source that takes 100 ms to answer with what it held when it was asked. */
function slowRig() {
  const clock = new HandClock();
  const state = { held: [a] as readonly Partition[], asked: 0, tell: () => {} };
  const guard = new GuardedSource({
    clock,
    source: {
      list: () => {
        state.asked++;
        const seen = state.held;
        return new Promise((resolve) => clock.setTimer(100, () => resolve(seen)));
      },
      watch: (onChange) => {
        state.tell = onChange;
        return { close: () => {} };
      },
    },
  });
  guard.watch(() => void guard.refresh());
  return { clock, state, guard };
}

Deno.test("guard: news that come while the source answers are asked for afterwards", async () => {
  const { clock, state, guard } = slowRig();
  guard.adopt([A]);
  void guard.refresh();
  await clock.pass(50);
  state.held = [a, b];
  state.tell();
  await clock.pass(50);
  assert.deepEqual(guard.partitions, [A], "the answer is older than the news");
  await clock.pass(200);
  assert.deepEqual(guard.partitions, [A, B]);
  assert.deepEqual([state.asked, clock.pending], [2, 0]);
});

Deno.test("guard: a source whose every answer sets off news is not asked in a tight loop", async () => {
  const clock = new HandClock();
  let asked = 0, tell = () => {};
  const guard = new GuardedSource({
    clock,
    source: {
      list: () => {
        asked++;
        tell();
        return Promise.resolve([a]);
      },
      watch: (onChange) => {
        tell = onChange;
        return { close: () => {} };
      },
    },
  });
  const watch = guard.watch(() => void guard.refresh());
  void guard.refresh();
  await clock.pass(950);
  assert.equal(asked, 10);
  await watch.close();
  assert.equal(clock.pending, 0);
});

Deno.test("guard: a source that hangs holds up nobody who leaves, and leaves nothing behind", async () => {
  const { clock, state, guard } = rig();
  const watch = guard.watch(() => state.changes++);
  state.answer = "hang";
  const forced = guard.refresh(true);
  await settled();
  const second = guard.refresh(true);
  await settled();
  await watch.close();
  for (const answer of [await forced, await second, await guard.refresh(true)]) {
    assert.ok(isPartiError(answer.problem, "PARTI_SOURCE_FAILED"));
  }
  assert.deepEqual([clock.pending, state.asked], [0, 1]);
  assert.equal(state.problems, 0, "to leave is no failure of the source");
});

Deno.test("guard: a watch on the source that does not end, or throws, holds up nobody for longer than a second", async () => {
  for (
    const close of [() => new Promise<void>(() => {}), () => {
      throw new Error("no");
    }]
  ) {
    const { clock, state, guard } = rig();
    state.close = close;
    let isClosed = false;
    void guard.watch(() => {}).close().then(() => isClosed = true);
    await clock.pass(1_000);
    await settled();
    assert.deepEqual([isClosed, state.problems, clock.pending], [true, 1, 0]);
  }
});

Deno.test("guard: a source whose watch is async cannot be watched, and ends no process where it rejects", async () => {
  for (const rejects of [true, false]) {
    let problem: unknown;
    let closed = 0;
    const guard = new GuardedSource({
      clock: new HandClock(),
      onProblem: (error) => problem = error,
      source: {
        list: () => Promise.resolve([a]),
        watch: (async () => {
          await settled();
          if (rejects) throw new Error("no");
          return { close: () => void closed++ };
        }) as unknown as NonNullable<PartitionSource["watch"]>,
      },
    });
    const watch = guard.watch(() => {});
    await settled();
    await settled();
    assert.match(String(problem), /cannot be watched: watch answered with a promise/);
    assert.deepEqual((await guard.refresh(true)).partitions, [A]);
    await watch.close();
    assert.equal(closed, rejects ? 0 : 1);
  }
});

Deno.test("guard: whoever watches again is served again", async () => {
  const { clock, state, guard } = rig();
  state.answer = "hang";
  const watch = guard.watch(() => {});
  void guard.refresh();
  await settled();
  void watch.close();
  state.answer = [b];
  guard.watch(() => void guard.refresh());
  await clock.pass(100);
  assert.deepEqual([guard.partitions, guard.problem], [[B], undefined]);
});
