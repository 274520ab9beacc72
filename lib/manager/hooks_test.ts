import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import { HookQueue, type Hooks, type ManagerEvent } from "./hooks.ts";

const assignment = Object.freeze({ epoch: 1, generation: 2, partitions: [] });
const change = { added: [], removed: [], all: [], assignment };
const moved = (n: number): ManagerEvent => ({ type: "alert", level: "info", durationMs: n });

Deno.test("each event goes to its hook, with what it tells", async () => {
  const log: unknown[] = [];
  const queue = new HookQueue({
    onAssignmentChanged: (...args) => void log.push(["assignment", ...args]),
    onStateChanged: (...args) => void log.push(["state", ...args]),
    onLeadershipChanged: (...args) => void log.push(["leadership", ...args]),
    onDegradedAlert: (...args) => void log.push(["alert", ...args]),
    onError: (...args) => void log.push(["error", ...args]),
  });
  const error = new Error("e");
  void queue.emit({ type: "assignment", change });
  void queue.emit({ type: "state", from: "Init", to: "ClaimingID" });
  void queue.emit({ type: "leadership", isLeader: true, epoch: 7 });
  void queue.emit({ type: "alert", level: "warn", durationMs: 5 });
  await queue.emit({ type: "error", error });
  assert.deepEqual(log, [
    ["assignment", change],
    ["state", "Init", "ClaimingID"],
    ["leadership", true, 7],
    ["alert", "warn", 5],
    ["error", error],
  ]);
});

Deno.test("calls never overlap, come in order, and are awaited", async () => {
  const log: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let calls = 0;
  const queue = new HookQueue({
    onDegradedAlert: async (_, durationMs) => {
      log.push(`begin ${durationMs}`);
      await gates[calls++]!.promise;
      log.push(`end ${durationMs}`);
    },
  });
  void queue.emit(moved(1)).then(() => log.push("told 1"));
  const second = queue.emit(moved(2));
  gates[1]!.resolve();
  await Promise.resolve();
  assert.deepEqual(log, ["begin 1"]);
  gates[0]!.resolve();
  await second;
  assert.deepEqual(log, ["begin 1", "end 1", "told 1", "begin 2", "end 2"]);
  await queue.idle();
});

Deno.test("what a hook throws goes to onError, at once and later; what that throws goes nowhere", async () => {
  const errors: unknown[] = [];
  let calls = 0;
  const hooks: Hooks = {
    onDegradedAlert: () => {
      if (++calls === 1) throw new Error("at once");
      return Promise.reject(new Error("later"));
    },
    onError: (error) => {
      errors.push(error);
      throw new Error("and this too");
    },
  };
  const queue = new HookQueue(hooks);
  await queue.emit(moved(1));
  await queue.emit(moved(2));
  await queue.emit({ type: "error", error: "told" });
  assert.deepEqual(errors.map(String), ["Error: at once", "Error: later", "told"]);
});

/** A queue whose first call does not return before the gate opens, with everything it has told. */
function stalled() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const told: unknown[] = [];
  const queue = new HookQueue({
    onError: async (error) => {
      told.push(error);
      await promise;
    },
    onStateChanged: (from, to) => void told.push(`${from} to ${to}`),
    onAssignmentChanged: () => void told.push("assignment"),
  });
  return { queue, told, open: resolve };
}

Deno.test("while a hook does not return, no more than a thousand errors wait: the rest is told as one", async () => {
  const { queue, told, open } = stalled();
  void queue.emit({ type: "error", error: 0 });
  await Promise.resolve();
  for (let n = 1; n < 1_001; n++) void queue.emit({ type: "error", error: n });
  void queue.emit({ type: "state", from: "Init", to: "ClaimingID" });
  for (let n = 1_001; n < 50_000; n++) void queue.emit({ type: "error", error: n });
  void queue.emit({ type: "assignment", change });
  open();
  await queue.idle();
  assert.equal(told.length, 1_004);
  assert.deepEqual(told.slice(0, 1_001), Array.from({ length: 1_001 }, (_, n) => n));
  const [state, summary, ...rest] = told.slice(1_001);
  assert.deepEqual(
    [state, rest],
    ["Init to ClaimingID", ["assignment"]],
    "nothing else is left out",
  );
  assert.ok(summary instanceof PartiError && summary.code === "PARTI_HOOK_STALLED");
  assert.deepEqual([summary.value, summary.cause], [48_999, 49_999]);
});

Deno.test("states and assignments are told one by one, however many wait", async () => {
  const { queue, told, open } = stalled();
  void queue.emit({ type: "error", error: 0 });
  for (let n = 0; n < 3_000; n++) void queue.emit({ type: "assignment", change });
  void queue.emit({ type: "error", error: "the only one" });
  open();
  await queue.idle();
  assert.deepEqual([told.length, told.at(-1)], [3_002, "the only one"], "one is told as it is");
});

Deno.test("once it has caught up errors are told one by one again", async () => {
  const { queue, told, open } = stalled();
  for (let n = 0; n < 2_000; n++) void queue.emit({ type: "error", error: n });
  open();
  await queue.idle();
  told.length = 0;
  for (const error of ["a", "b"]) void queue.emit({ type: "error", error });
  await queue.idle();
  assert.deepEqual(told, ["a", "b"]);
});

Deno.test("after close no hook is called, also none that waited for its turn", async () => {
  const log: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const queue = new HookQueue({
    onDegradedAlert: (_, durationMs) => {
      log.push(durationMs);
      return promise;
    },
  });
  void queue.emit(moved(1));
  const waiting = queue.emit(moved(2));
  await Promise.resolve();
  queue.close();
  resolve();
  await waiting;
  await queue.emit(moved(3));
  assert.deepEqual(log, [1]);
});

Deno.test("what a hook throws that comes back only after the close is told to nobody", async () => {
  const errors: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  const queue = new HookQueue({
    onStateChanged: () => gate.promise,
    onError: (error) => void errors.push(error),
  });
  const told = queue.emit({ type: "state", from: "Init", to: "ClaimingID" });
  await Promise.resolve();
  queue.close();
  gate.reject(new Error("too late"));
  await told;
  assert.deepEqual(errors, []);
});

Deno.test("iterators see what happens from their beginning to the end of the queue", async () => {
  const queue = new HookQueue({});
  void queue.emit(moved(1));
  const iterator = queue.iterate();
  void queue.emit(moved(2));
  void queue.emit(moved(3));
  assert.deepEqual((await iterator.next()).value, moved(2));
  assert.deepEqual((await iterator.next()).value, moved(3));
  // Two that wait are served in their order, and both end.
  const waiting = [iterator.next(), iterator.next(), iterator.next()];
  void queue.emit(moved(4));
  void queue.emit(moved(5));
  queue.close();
  const results = await Promise.all(waiting);
  assert.deepEqual(results.map(({ value }) => value), [moved(4), moved(5), undefined]);
  assert.deepEqual((await iterator.next()).done, true);
  assert.deepEqual((await queue.iterate().next()).done, true);
});

Deno.test("an iterator that is left ends and keeps nothing; what was told before the end is still read", async () => {
  const queue = new HookQueue({});
  const left = queue.iterate();
  const read = queue.iterate();
  void queue.emit(moved(1));
  await left.return!();
  assert.equal((await left.next()).done, true);
  void queue.emit(moved(2));
  queue.close();
  const seen = [];
  for await (const event of read) seen.push(event);
  assert.deepEqual(seen, [moved(1), moved(2)]);
});

Deno.test("an iterator that nobody reads keeps the newest thousand events", async () => {
  const queue = new HookQueue({});
  const iterator = queue.iterate();
  for (let n = 0; n < 1_005; n++) void queue.emit(moved(n));
  queue.close();
  const seen = [];
  for await (const event of iterator) seen.push(event);
  assert.deepEqual([seen.length, seen[0], seen.at(-1)], [1_000, moved(5), moved(1_004)]);
});
