import assert from "node:assert/strict";
import type { Effect } from "../streams/effect.ts";
import { Ledger } from "./ledger.ts";

/** A book of one partition: what comes to its end, in this order, `-n` among the dead letters, at its place times 1 ms. */
function book(sent: number, ends: readonly number[], poisoned: readonly number[]): Ledger {
  const ledger = new Ledger(1);
  ledger.sent(0, 1, sent);
  for (const [index, end] of ends.entries()) {
    const sequence = Math.abs(end);
    const storedUs = (index + 1) * 1_000;
    if (end < 0) {
      const isPoison = poisoned.includes(sequence);
      ledger.deadLettered({ partition: 0, sequence, poisoned: isPoison, storedUs });
      continue;
    }
    const place = { partition: 0, sequence, streamSequence: sequence, outputSequence: index };
    const right = { process: "worker-0#1", instance: "a", epoch: 1, generation: 1 };
    const times = { publishedUs: 1, availableUs: 2, acquiredUs: 0, startUs: storedUs, storedUs };
    ledger.effective({ ...place, ...right, ...times, deliveryCount: 1 } satisfies Effect);
  }
  return ledger;
}

const told = (ledger: Ledger) =>
  ledger.defects(new Map()).map(({ kind, detail, atUs }) => [kind, detail, atUs]);

Deno.test("dead letters: a poisoned message is not lost, nor passed over, nor in anybody's way", () => {
  const ledger = book(4, [1, -2, 3, 4], [2]);
  assert.deepEqual(told(ledger), []);
  const { sent, effective, deadLetters, givenUp, lost, outOfOrder } = ledger.totals(new Map());
  assert.deepEqual([sent, effective, deadLetters, givenUp, lost, outOfOrder], [4, 3, 1, 0, 0, 0]);
  assert.equal(ledger.passedOver().size, 0);
});

Deno.test("dead letters: planted: one that did not fail on purpose was given up", () => {
  const ledger = book(3, [1, -2, 3], []);
  const { givenUp, lost } = ledger.totals(new Map());
  assert.deepEqual([givenUp, lost], [1, 0]);
  assert.deepEqual(told(ledger), [
    ["given_up", "sequence 2, whose handler did not fail on purpose", 2_000],
  ]);
});

Deno.test("dead letters: planted: a message behind a poisoned one must not come first", () => {
  const ledger = book(3, [1, 3, -2], [2]);
  assert.equal(ledger.totals(new Map()).outOfOrder, 1);
  assert.deepEqual(told(ledger), [
    ["out_of_order", "sequence 2 among the dead letters after 3", 3_000],
  ]);
});

Deno.test("dead letters: planted: a poisoned message that is nowhere is lost, since the next one came to its end", () => {
  assert.deepEqual(told(book(3, [1, 3], [2])), [
    ["lost", "middle: sequences 2 of 1-3", 2_000],
  ]);
});

Deno.test("dead letters: a letter that is stored twice is one", () => {
  const ledger = book(2, [-1, -1, 2], [1]);
  assert.equal(ledger.totals(new Map()).deadLetters, 1);
  assert.deepEqual(told(ledger), []);
});

Deno.test("a book that grows has pages for what came, and what nobody knows of is unexpected until then", () => {
  const ledger = new Ledger(1);
  const letter = { partition: 1, sequence: 1, poisoned: true, storedUs: 1 };
  assert.equal(ledger.deadLettered(letter)[0]!.kind, "unexpected");
  ledger.grow(2);
  assert.deepEqual(ledger.deadLettered(letter), []);
  ledger.begun("worker-0#1", "a", 1, 2, 1_000);
  assert.equal(ledger.handlers.unreported, 1);
});
