import assert from "node:assert/strict";
import type { Effect } from "../streams/effect.ts";
import { IntervalSet } from "./intervals.ts";
import { type Delivery, Ledger, type LedgerTotals } from "./ledger.ts";

let outputSequence = 0;

/** An effect of partition 0 by worker `a`, one millisecond of work, ten milliseconds after the last. */
function effect(sequence: number, changes: Partial<Effect> = {}): Effect {
  outputSequence++;
  const storedUs = changes.storedUs ?? outputSequence * 10_000;
  const instance = changes.instance ?? "a";
  return {
    partition: 0,
    sequence,
    publishedUs: storedUs - 5_000,
    availableUs: storedUs - 4_000,
    acquiredUs: 0,
    startUs: storedUs - 1_000,
    process: `worker-${instance}#1`,
    instance,
    epoch: 1,
    generation: 1,
    streamSequence: sequence,
    deliveryCount: 1,
    storedUs,
    outputSequence,
    ...changes,
  };
}

function delivery(sequence: number, instance = "a"): Delivery {
  return {
    partition: 0,
    sequence,
    process: `worker-${instance}#1`,
    instance,
    epoch: 1,
    generation: 1,
    streamSequence: sequence,
    deliveryCount: 1,
    startUs: 0,
    endUs: 0,
    outcome: "written",
  };
}

/** A book of one partition with messages 1 to `sent` sent and the given ones effective, in that order. */
function book(sent: number, effects: readonly (number | Effect)[]): Ledger {
  const ledger = new Ledger(1);
  if (sent > 0) ledger.sent(0, 1, sent);
  for (const item of effects) ledger.effective(typeof item === "number" ? effect(item) : item);
  return ledger;
}

const nothingWaits = new Map<number, IntervalSet>();
const clean: Partial<LedgerTotals> = {
  lost: 0,
  duplicateEffects: 0,
  outOfOrder: 0,
  unexpected: 0,
  undelivered: 0,
  interleavings: 0,
  unknown: 0,
  holes: 0,
  uncheckedHandlers: 0,
  unkeptHandlers: 0,
  strange: 0,
  unread: 0,
};

/** Asserts that exactly the given counts differ from a clean book's. */
function assertOnly(ledger: Ledger, expected: Partial<LedgerTotals>, waiting = nothingWaits): void {
  const totals = ledger.totals(waiting);
  assert.deepEqual(
    Object.fromEntries(Object.keys(clean).map((key) => [key, totals[key as keyof LedgerTotals]])),
    { ...clean, ...expected },
  );
}

Deno.test("a clean book", () => {
  const ledger = book(3, [1, 2, 3]);
  assertOnly(ledger, {});
  assert.deepEqual(ledger.defects(nothingWaits), []);
  const { sent, received, effective, deliveries, redeliveries } = ledger.totals(nothingWaits);
  assert.deepEqual([sent, received, effective, deliveries, redeliveries], [3, 3, 3, 3, 0]);
});

for (
  const [name, effects, lost] of [
    ["a lost prefix", [3, 4, 5], "prefix: sequences 1-2 of 1-5"],
    ["a lost middle", [1, 4, 5], "middle: sequences 2-3 of 1-5"],
    ["a lost tail", [1, 2, 3], "tail: sequences 4-5 of 1-5"],
    ["both ends lost", [2, 3, 4], "prefix and tail: sequences 1, 5 of 1-5"],
  ] as const
) {
  Deno.test(`${name} is told, exactly`, () => {
    const ledger = book(5, effects);
    assertOnly(ledger, { lost: 2 });
    const told = ledger.defects(nothingWaits).map(({ kind, detail }) => [kind, detail]);
    assert.deepEqual(told, [["lost", lost]]);
  });
}

Deno.test("a partition of which nothing arrived is lost as a whole", () => {
  const ledger = book(5, []);
  assertOnly(ledger, { lost: 5 });
  assert.match(ledger.defects(nothingWaits)[0]!.detail, /^everything/);
});

Deno.test("what still waits in the feed is undelivered, not lost", () => {
  const ledger = book(5, [1, 2]);
  const waits = new IntervalSet();
  waits.add(4, 5);
  assertOnly(ledger, { lost: 1, undelivered: 2 }, new Map([[0, waits]]));
  const kinds = ledger.defects(new Map([[0, waits]])).map(({ kind, detail }) => [kind, detail]);
  assert.deepEqual(kinds, [
    ["lost", "middle: sequences 3 of 1-5"],
    ["undelivered", "sequences 4-5 still wait in the feed"],
  ]);
});

Deno.test("an effect that happened twice is a duplicate effect", () => {
  const ledger = book(3, [1, 2, 2, 3]);
  assertOnly(ledger, { duplicateEffects: 1 });
  assert.equal(ledger.defects(nothingWaits)[0]!.kind, "duplicate");
});

Deno.test("a duplicate of an old message is a duplicate, not a disorder", () => {
  assertOnly(book(3, [1, 2, 3, 1]), { duplicateEffects: 1 });
});

Deno.test("swapped effects are out of order and nothing else: the late one heals the gap", () => {
  const ledger = book(3, [1, 3, 2]);
  assertOnly(ledger, { outOfOrder: 1 });
  const [defect, ...others] = ledger.defects(nothingWaits);
  assert.deepEqual(others, []);
  const { atUs, ...told } = defect!;
  assert.deepEqual(told, {
    ...{ kind: "out_of_order", partition: 0, detail: "sequence 2 by worker-a#1 after 3" },
  });
  assert.equal(typeof atUs, "number");
});

Deno.test("redeliveries are counted and allowed; a late one heals a gap", () => {
  const ledger = book(3, [1]);
  assert.equal(ledger.totals(nothingWaits).lost, 2);
  ledger.delivered(delivery(2, "a"));
  ledger.delivered(delivery(2, "b"));
  ledger.effective(effect(2, { instance: "b", generation: 2 }));
  ledger.effective(effect(3, { instance: "b", generation: 2 }));
  assertOnly(ledger, {});
  const { deliveries, redeliveries, received } = ledger.totals(nothingWaits);
  // 1 and 3 are known by their effects only: their worker did not get to report.
  assert.deepEqual([deliveries, redeliveries, received], [4, 1, 3]);
});

Deno.test("a handler that was killed before its end is a delivery, and the next one a redelivery", () => {
  const ledger = book(2, []);
  ledger.begun("worker-a#1", "a", 0, 1, 0);
  ledger.begun("worker-b#1", "b", 0, 1, 0);
  ledger.delivered(delivery(1, "b"));
  ledger.effective(effect(1, { instance: "b", generation: 2 }));
  ledger.begun("worker-b#1", "b", 0, 2, 0);
  ledger.delivered(delivery(2, "b"));
  ledger.effective(effect(2, { instance: "b", generation: 2 }));
  assertOnly(ledger, {});
  const { deliveries, redeliveries, received } = ledger.totals(nothingWaits);
  assert.deepEqual([deliveries, redeliveries, received], [3, 1, 2]);
});

Deno.test("a killed worker's effect says when its handler ended, if its report did not come; by a clock that may be behind", () => {
  const interleavings = (clockDoubtUs: number) => {
    const ledger = book(2, []);
    ledger.clocksDiffer(clockDoubtUs);
    ledger.begun("worker-a#1", "a", 0, 1, 5_000);
    ledger.effective(effect(1, { startUs: 5_000, storedUs: 10_000 }));
    const span = { startUs: 30_000, endUs: 40_000 };
    ledger.delivered({ ...delivery(2, "b"), generation: 2, ...span });
    ledger.effective(effect(2, { instance: "b", generation: 2, ...span, storedUs: 38_000 }));
    ledger.handlers.killed("worker-a#1", 60_000);
    const { interleavings, unprovenOverlaps } = ledger.totals(nothingWaits);
    return [interleavings, unprovenOverlaps.length];
  };
  assert.deepEqual(interleavings(0), [0, 0]);
  assert.deepEqual(interleavings(25_000), [0, 1], "nobody can tell");
});

Deno.test("an effect nobody sent is unexpected, until its report arrives", () => {
  const ledger = book(1, [1, 2]);
  assertOnly(ledger, { unexpected: 1 });
  assert.equal(ledger.defects(nothingWaits)[0]!.kind, "unexpected");
  ledger.sent(0, 2, 2);
  assertOnly(ledger, {});
});

Deno.test("an effect of a partition that does not exist, or that cannot be read, is unexpected", () => {
  const ledger = book(1, [1, effect(1, { partition: 7 })]);
  ledger.strange("not an effect: {");
  assertOnly(ledger, { unexpected: 2, strange: 2 });
});

Deno.test("an unknown outcome is neither lost nor unexpected, and is settled by what is seen", () => {
  const ledger = book(1, [1]);
  ledger.uncertain(0, 2);
  ledger.uncertain(0, 3);
  assertOnly(ledger, { unknown: 2 });
  ledger.effective(effect(2));
  assertOnly(ledger, { unknown: 1 });
  assert.equal(ledger.totals(nothingWaits).sent, 2);
  ledger.sent(0, 3, 3);
  assertOnly(ledger, { lost: 1 });
});

Deno.test("a sequence that was never sent although a later one was is a hole", () => {
  const ledger = book(2, [1, 2]);
  ledger.sent(0, 4, 5);
  ledger.effective(effect(4));
  ledger.effective(effect(5));
  assertOnly(ledger, { holes: 1 });
  ledger.uncertain(0, 3);
  assertOnly(ledger, { unknown: 1 });
});

Deno.test("a move to another worker and back is fine under newer ownerships", () => {
  assertOnly(
    book(3, [
      effect(1, { instance: "a", generation: 1 }),
      effect(2, { instance: "b", generation: 2 }),
      effect(3, { instance: "a", generation: 3 }),
    ]),
    {},
  );
});

Deno.test("an owner that returns under its old ownership is an interleaving", () => {
  for (const token of [{ generation: 1 }, { generation: 2 }, { epoch: 0, generation: 9 }]) {
    const ledger = book(3, [
      effect(1, { instance: "a", generation: 1 }),
      effect(2, { instance: "b", generation: 2 }),
      effect(3, { instance: "a", ...token }),
    ]);
    assertOnly(ledger, { interleavings: 1 });
    assert.match(ledger.defects(nothingWaits)[0]!.detail, /^returned: worker-a#1 .* came back/);
  }
});

Deno.test("two handlers at once with both effects accepted are an interleaving", () => {
  const first = effect(1, { instance: "a" });
  const second = effect(2, {
    instance: "b",
    generation: 2,
    startUs: first.storedUs - 4_000,
    storedUs: first.storedUs + 2_000,
  });
  const ledger = book(2, [first, second]);
  assertOnly(ledger, { interleavings: 1 });
  assert.match(ledger.defects(nothingWaits)[0]!.detail, /^overlapped: .* began 4\.0ms before/);
});

Deno.test("an overlap within the clocks' tolerance is a handoff", () => {
  const first = effect(1, { instance: "a" });
  const second = effect(2, {
    instance: "b",
    generation: 2,
    startUs: first.storedUs - 500,
    storedUs: first.storedUs + 2_000,
  });
  assertOnly(book(2, [first, second]), {});
});

Deno.test("a defect is returned at once, and only so many are written out", () => {
  const ledger = book(1, [1]);
  assert.deepEqual(ledger.effective(effect(1)).map(({ kind }) => kind), ["duplicate"]);
  for (let count = 0; count < 1_000; count++) ledger.effective(effect(1));
  assert.equal(ledger.totals(nothingWaits).duplicateEffects, 1_001);
  assert.equal(ledger.defects(nothingWaits).length, 200);
});

Deno.test("planted: two handlers at once are an interleaving although the fence let only one have its effect", () => {
  const ledger = book(1, [effect(1)]);
  ledger.delivered({ ...delivery(1, "a"), startUs: 100_000, endUs: 200_000 });
  ledger.delivered({ ...delivery(1, "b"), startUs: 150_000, endUs: 250_000, outcome: "failed" });
  assertOnly(ledger, { interleavings: 1 });
  assert.deepEqual(ledger.defects(nothingWaits), [{
    kind: "interleaved",
    partition: 0,
    detail: "sequence 1 was begun by worker-b#1 while worker-a#1 handled sequence 1, for 50.0ms",
    atUs: 150_000,
  }]);
});

Deno.test("two handlers at once whose effects were both accepted are one interleaving, not two", () => {
  const first = effect(1, { instance: "a" });
  const startUs = first.storedUs - 4_000;
  const second = effect(2, {
    instance: "b",
    generation: 2,
    startUs,
    storedUs: first.storedUs + 2_000,
  });
  const ledger = book(2, [first, second]);
  ledger.delivered({ ...delivery(1, "a"), startUs: first.startUs, endUs: first.storedUs + 500 });
  // The other handler began first: the same pair the other way round.
  ledger.delivered({ ...delivery(2, "b"), startUs, endUs: second.storedUs + 500 });
  assertOnly(ledger, { interleavings: 1 });
  assert.equal(ledger.defects(nothingWaits).length, 1);
});

Deno.test("two handlers at once are excused where one could not know, and never if both have their effect", () => {
  const first = effect(1, { instance: "a", storedUs: 1_000_000, startUs: 900_000 });
  const startUs = first.storedUs - 4_000;
  const ledger = book(2, [first]);
  ledger.impairments.stopped("worker-a#1", first.startUs, first.storedUs);
  ledger.delivered({ ...delivery(1, "a"), startUs: first.startUs, endUs: first.storedUs });
  ledger.delivered({ ...delivery(1, "b"), startUs, endUs: first.storedUs + 1_000 });
  ledger.effective(effect(2, { instance: "b", generation: 2, storedUs: 2_000_000 }));
  assertOnly(ledger, {});
  assert.equal(ledger.totals(nothingWaits).excusedOverlaps.stoodStill, 1);
  const storedUs = first.storedUs + 90_000;
  ledger.effective(effect(3, { instance: "a", generation: 3, startUs, storedUs }));
  assert.equal(ledger.totals(nothingWaits).interleavings, 1);
});

Deno.test("planted: an earlier message that is begun after a later one is out of order, once, though the effects are in order", () => {
  const ledger = book(3, [1, 2, 3]);
  ledger.delivered({ ...delivery(2), startUs: 10_000, endUs: 20_000 });
  ledger.delivered({ ...delivery(3), startUs: 20_000, endUs: 30_000 });
  ledger.delivered({ ...delivery(1), startUs: 30_000, endUs: 40_000 });
  assertOnly(ledger, { outOfOrder: 1 });
  assert.deepEqual(ledger.defects(nothingWaits), [{
    kind: "out_of_order",
    partition: 0,
    detail: "sequence 1 was begun by worker-a#1 after sequence 3",
    atUs: 30_000,
  }]);
});

Deno.test("a message that comes again after it was done is not out of order; one that was passed over is", () => {
  const again = { ...delivery(1), startUs: 30_000, endUs: 40_000, outcome: "already" as const };
  const done = book(2, [1, 2]);
  done.delivered({ ...delivery(2), startUs: 20_000, endUs: 25_000 });
  done.delivered(again);
  assertOnly(done, {});
  const passedOver = book(2, [2]);
  passedOver.delivered({ ...delivery(2), startUs: 20_000, endUs: 25_000 });
  // The fence takes no effect older than the last one, and says so.
  passedOver.delivered(again);
  assertOnly(passedOver, { lost: 1, outOfOrder: 1 });
});

Deno.test("what effects and handlers both show out of order is counted once", () => {
  const ledger = book(2, [2, 1]);
  ledger.delivered({ ...delivery(2), startUs: 10_000, endUs: 20_000 });
  ledger.delivered({ ...delivery(1), startUs: 20_000, endUs: 30_000 });
  assertOnly(ledger, { outOfOrder: 1 });
});
