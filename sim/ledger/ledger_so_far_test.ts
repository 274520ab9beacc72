import assert from "node:assert/strict";
import type { Effect } from "../streams/effect.ts";
import { Ledger } from "./ledger.ts";

/** A book of two partitions in which these sequences of the first have had their effect, in this order. */
function book(sent: number, effective: readonly number[]): Ledger {
  const ledger = new Ledger(2);
  ledger.sent(0, 1, sent);
  for (const sequence of effective) {
    ledger.effective(
      {
        ...{ partition: 0, sequence, streamSequence: sequence, outputSequence: sequence },
        ...{ process: "worker-0#1", instance: "a", epoch: 1, generation: 1, deliveryCount: 1 },
        ...{ publishedUs: 1, availableUs: 2, acquiredUs: 0, startUs: 3, storedUs: 4 },
      } satisfies Effect,
    );
  }
  return ledger;
}

Deno.test("so far: what was passed over, and not what may be under way", () => {
  assert.deepEqual(book(9, []).passedOver(), new Map());
  assert.deepEqual(book(9, [1, 2, 3]).passedOver(), new Map());
  assert.deepEqual(
    book(9, [2, 3, 6]).passedOver(),
    new Map([[0, { ranges: [[1, 1], [4, 5]], last: 6 }]]),
  );
  // Not known to have been sent: nothing was passed over as far as anybody knows.
  assert.deepEqual(book(3, [1, 2, 3, 6]).passedOver(), new Map());
});

Deno.test("so far: sums without a look at the handlers", () => {
  assert.deepEqual(book(9, [1, 3, 2, 3]).soFar, {
    sent: 9,
    effective: 3,
    deadLetters: 0,
    givenUp: 0,
    duplicateEffects: 1,
    outOfOrder: 1,
    interleavings: 0,
  });
});

Deno.test("so far: by partition, and an effect shows that its message was received", () => {
  const ledger = book(9, [1, 3]);
  ledger.begun("worker-0#1", "a", 0, 3, 5);
  ledger.begun("worker-0#1", "a", 0, 4, 6);
  assert.deepEqual(ledger.byPartition, [{ sent: 9, received: 3 }, { sent: 0, received: 0 }]);
});
