import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import { CHECKPOINT_EVERY, Trace, type TraceRecord } from "./trace.ts";

type Note = readonly [atMs: number, owner: string, label: string, value?: number];

function traceOf(notes: readonly Note[]): Trace {
  const trace = new Trace();
  for (const [atMs, owner, label, value] of notes) trace.note(atMs, owner, label, value);
  return trace;
}

Deno.test("the same records give the same hash, wherever they are noted", () => {
  const notes: Note[] = [[1, "a#1", "timer"], [1, "", "tick", 0.5], [2.5, "b#1", "timer"]];
  assert.equal(traceOf(notes).hash, traceOf(notes).hash);
  assert.match(traceOf(notes).hash, /^[0-9a-f]{16}$/);
  assert.equal(traceOf(notes).hash, "9eaedd18a2645a89", "the hash of saved runs must stay");
});

Deno.test("each field matters, and the order, and that nothing is missing", () => {
  const base: Note[] = [[1, "a#1", "timer"], [1, "b#1", "timer"], [2, "a#1", "up"]];
  const others: Note[][] = [
    [[1 + Number.EPSILON, "a#1", "timer"], ...base.slice(1)],
    [[-1, "a#1", "timer"], ...base.slice(1)],
    [[1, "a#2", "timer"], ...base.slice(1)],
    [[1, "a#1", "time"], ...base.slice(1)],
    [[1, "a#1t", "imer"], ...base.slice(1)],
    [[1, "timer", "a#1"], ...base.slice(1)],
    [[1, "a#1", "timer", 1], ...base.slice(1)],
    [[1, "a#1", "timer", -1], ...base.slice(1)],
    [base[1]!, base[0]!, base[2]!],
    [base[0]!, base[2]!, base[1]!],
    base.slice(0, 2),
    base.slice(1),
    [...base, [2, "", ""]],
    [],
  ];
  const hashes = [base, ...others].map((notes) => traceOf(notes).hash);
  assert.equal(new Set(hashes).size, hashes.length);
});

Deno.test("runs that differ in one record never have one hash again, however they go on", () => {
  const draws = new Draws(1, "trace");
  const seen = new Set<string>();
  for (let run = 0; run < 500; run++) {
    const trace = new Trace();
    trace.note(run, "a", "b");
    for (let i = 0; i < 50; i++) trace.note(i, "same", "for all");
    seen.add(trace.hash);
    const other = new Trace();
    for (let i = 0; i < 20; i++) other.note(draws.float(), "a", "b");
    seen.add(other.hash);
  }
  assert.equal(seen.size, 1_000);
});

Deno.test("checkpoints tell in which thousand two runs part", () => {
  const run = (different: number): Trace => {
    const trace = new Trace();
    for (let i = 0; i < 5 * CHECKPOINT_EVERY + 10; i++) {
      trace.note(i, "a", i === different ? "other" : "timer");
    }
    return trace;
  };
  const [one, other] = [run(-1), run(3 * CHECKPOINT_EVERY + 7)];
  assert.equal(one.checkpoints.length, 5);
  const equal = one.checkpoints.map((checkpoint, i) => checkpoint === other.checkpoints[i]);
  assert.deepEqual(equal, [true, true, true, false, false]);
  assert.notEqual(one.hash, other.hash);
});

Deno.test("the last records are kept, oldest first, and each is handed on", () => {
  const handed: TraceRecord[] = [];
  const trace = new Trace((record) => handed.push(record));
  assert.deepEqual(trace.recent, []);
  for (let i = 0; i < 5_000; i++) trace.note(i / 2, `w-${i % 3}`, `label ${i % 7}`, i % 2);
  assert.equal(trace.count, 5_000);
  assert.equal(handed.length, 5_000);
  assert.ok(trace.recent.length >= 400);
  assert.deepEqual(trace.recent, handed.slice(-trace.recent.length));
  assert.deepEqual(trace.recent.at(-1), {
    index: 4_999,
    atMs: 2_499.5,
    owner: "w-1",
    label: "label 1",
    value: 1,
  });
});

Deno.test("a label that was forgotten has the same hash when it comes again", () => {
  const many = (): string => {
    const trace = new Trace();
    for (let i = 0; i < 30_000; i++) trace.note(1, "", `key ${i % 15_000}`);
    return trace.hash;
  };
  assert.equal(many(), many());
});
