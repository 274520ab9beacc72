import assert from "node:assert/strict";
import type { Effect } from "../streams/effect.ts";
import { Ledger } from "./ledger.ts";

function effect(partition: number, sequence: number): Effect {
  return {
    ...{ partition, sequence, streamSequence: sequence, outputSequence: sequence },
    ...{ process: "worker-0#1", instance: "a", epoch: 1, generation: 1, deliveryCount: 1 },
    ...{ publishedUs: 1, availableUs: 2, acquiredUs: 0, startUs: 3, storedUs: 4 },
  };
}

/** A book of two partitions with nine messages each; a number says how many effects were gone by then, a pair is one that was read. */
function book(...read: (number | [partition: number, sequence: number])[]): Ledger {
  const ledger = new Ledger(2);
  for (const partition of [0, 1]) ledger.sent(partition, 1, 9);
  for (const item of read) {
    if (typeof item === "number") ledger.missed(item);
    else ledger.effective(effect(...item));
  }
  return ledger;
}

/** What is lost for certain, and what nobody can tell, also by a book that was saved and read again. */
function told(ledger: Ledger) {
  const again = new Ledger(2);
  again.load(JSON.parse(JSON.stringify(ledger.save())));
  const waiting = new Map();
  const { lost, unread, undelivered } = ledger.totals(waiting);
  const totals = again.totals(waiting);
  assert.deepEqual([totals.lost, totals.unread], [lost, unread]);
  assert.deepEqual(again.defects(waiting), ledger.defects(waiting));
  assert.equal(undelivered, 0);
  const details = ledger.defects(waiting).map(({ partition, detail }) => {
    return `${partition} ${detail.replace(/^.*: sequences (.*) of .*$/, "$1")}`;
  });
  return { lost, unread, details };
}

const UP_TO_9: [number, number][] = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((sequence) => [1, sequence]);

Deno.test("unread: between two effects of a partition, where some were gone before they were read, nobody can tell what is lost", () => {
  const ledger = book([0, 1], [0, 2], 3, [0, 6], [0, 7], [0, 8], [0, 9], ...UP_TO_9);
  assert.deepEqual(told(ledger), { lost: 0, unread: 3, details: [] });
  assert.deepEqual(ledger.passedOver(), new Map(), "nor while the run goes on");
});

Deno.test("planted: unread: a message without an effect before, after or beside what was gone is lost for certain", () => {
  const before = book([0, 1], [0, 3], 2, [0, 6], [0, 7], [0, 8], [0, 9], ...UP_TO_9);
  assert.deepEqual(told(before), { lost: 1, unread: 2, details: ["0 2"] });
  assert.deepEqual(before.passedOver(), new Map([[0, { ranges: [[2, 2]], last: 9 }]]));
  const after = book([0, 1], 2, [0, 4], [0, 6], [0, 7], [0, 8], [0, 9], ...UP_TO_9);
  assert.deepEqual(told(after), { lost: 1, unread: 2, details: ["0 5"] });
  const tail = book([0, 1], 2, [0, 4], [0, 5], [0, 6], [0, 7], [0, 8], ...UP_TO_9);
  assert.deepEqual(told(tail), { lost: 1, unread: 2, details: ["0 9"] });
  // All effects of this one were read by the same reader, without a step.
  const beside = book([0, 1], [0, 2], [0, 3], ...UP_TO_9, 2, [0, 4], [0, 6], [0, 7], [0, 9]);
  assert.deepEqual(told(beside), { lost: 2, unread: 0, details: ["0 5, 8"] });
});

Deno.test("planted: unread: of more than were gone some are lost for certain", () => {
  const ledger = book([0, 1], 2, [0, 5], [0, 6], [0, 7], [0, 8], [0, 9], ...UP_TO_9);
  assert.deepEqual(told(ledger), { lost: 1, unread: 2, details: ["0 2-4"] });
});

Deno.test("unread: a partition that came after effects were gone has lost none of its own with them", () => {
  const ledger = book(5);
  ledger.grow(3);
  ledger.sent(2, 1, 3);
  ledger.effective(effect(2, 3));
  assert.equal(ledger.passedOver().get(2)?.ranges.length, 1);
});
