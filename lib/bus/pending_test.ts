import assert from "node:assert/strict";
import { isPartiError, PartiError } from "../errors.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";
import type { Answer } from "./envelope.ts";
import { PendingCalls } from "./pending.ts";

const AT = "node-1_abc";

function answerTo(id: string): Answer {
  return { kind: "answer", id, at: AT, status: "done", hops: 0, payload: new Uint8Array() };
}

function rig(max = 10) {
  const clock = new ManualClock();
  const pending = new PendingCalls(clock, "node-0_xyz", max);
  const open = (timeoutMs = 1_000, signal?: AbortSignal) => {
    const waiting = pending.open({ subject: "there", timeoutMs, signal });
    const outcomes: string[] = [];
    waiting.answer.then(
      ({ status }) => outcomes.push(status),
      (error) => outcomes.push(isPartiError(error) ? error.code : "?"),
    );
    return { ...waiting, outcomes };
  };
  return { clock, pending, open };
}

Deno.test("pending calls: an answer settles its call, and no timer is left", async () => {
  const { clock, pending, open } = rig();
  const call = open();
  assert.equal(pending.count, 1);
  assert.ok(pending.settle(answerTo(call.id)));
  await settle();
  assert.deepEqual(call.outcomes, ["done"]);
  assert.equal(pending.count, 0);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("pending calls: a second answer and a late one are orphans", async () => {
  const { clock, pending, open } = rig();
  const first = open();
  pending.settle(answerTo(first.id));
  assert.equal(pending.settle(answerTo(first.id)), false);
  const late = open(100);
  await clock.advance(100);
  assert.equal(pending.settle(answerTo(late.id)), false);
  await settle();
  assert.deepEqual([first.outcomes, late.outcomes], [["done"], ["PARTI_TIMEOUT"]]);
  assert.deepEqual([pending.orphans, pending.count], [2, 0]);
});

Deno.test("pending calls: a timeout comes when its time is over, and not before", async () => {
  const { clock, open } = rig();
  const call = open(100);
  await clock.advance(99);
  assert.deepEqual(call.outcomes, []);
  await clock.advance(1);
  assert.deepEqual(call.outcomes, ["PARTI_TIMEOUT"]);
});

Deno.test("pending calls: who gives up is told so once, and before or after", async () => {
  const { clock, pending, open } = rig();
  const cancel = new AbortController();
  const call = open(1_000, cancel.signal);
  cancel.abort();
  await settle();
  assert.deepEqual(call.outcomes, ["PARTI_ABORTED"]);
  assert.equal(clock.pendingTimers, 0);
  assert.throws(() => open(1_000, cancel.signal), { code: "PARTI_ABORTED" });
  assert.equal(pending.issued, 1);
});

Deno.test("pending calls: no more wait than may, and the one too many is told", () => {
  const { pending, open } = rig(2);
  const first = open();
  open();
  assert.throws(() => open(), { code: "PARTI_OVERLOADED", value: 2 });
  pending.settle(answerTo(first.id));
  open();
  assert.equal(pending.count, 2);
});

Deno.test("pending calls: all, or those to one subject, can be failed", async () => {
  const { pending, open } = rig();
  const calls = [open(), open()];
  const gone = () => new PartiError("PARTI_MAYBE_DELIVERED", "gone");
  pending.failAll(gone, "elsewhere");
  assert.equal(pending.count, 2);
  pending.failAll(gone, "there");
  await settle();
  assert.deepEqual(
    calls.map(({ outcomes }) => outcomes[0]),
    Array(2).fill("PARTI_MAYBE_DELIVERED"),
  );
  assert.deepEqual([pending.issued, pending.settled], [2, 2]);
});

Deno.test("pending calls: it is known where they have waited for long", async () => {
  const { clock, pending, open } = rig();
  open(10_000);
  await clock.advance(500);
  assert.deepEqual([...pending.subjectsOlderThan(500)], ["there"]);
  assert.deepEqual([...pending.subjectsOlderThan(501)], []);
});

Deno.test("pending calls: IDs of two lives never meet", () => {
  const clock = new ManualClock();
  const idOf = (address: string) =>
    new PendingCalls(clock, address, 1).open({ subject: "s", timeoutMs: 1 }).id;
  assert.notEqual(idOf("node-0_a"), idOf("node-0_b"));
});
