import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { planFault, shownSequence, strikes } from "./fault.ts";

Deno.test("a fault is planted where the seed says", () => {
  assert.deepEqual(planFault("lose", 100, 7), planFault("lose", 100, 7));
  const places = new Set([1, 2, 3, 4].map((seed) => planFault("lose", 100, seed).partition));
  assert.ok(places.size > 1);
  assert.throws(() => planFault("explode", 100, 7), (error) => {
    return isPartiError(error, "PARTI_INVALID_CONFIG") &&
      error.message ===
        "--fault explode: expected one of lose, duplicate, reorder, reorder-starts, overlap, " +
          "overlap-fenced, overlap-within, give-up, uneven, restless, wrong-delta, invariant, " +
          "unsettled, strand";
  });
});

Deno.test("reorder swaps two messages and leaves the others", () => {
  for (const kind of ["reorder", "reorder-starts"] as const) {
    const fault = { kind, partition: 5, sequence: 3 };
    const shown = [1, 2, 3, 4, 5].map((n) => shownSequence(fault, kind, 5, n));
    assert.deepEqual(shown, [1, 2, 4, 3, 5]);
    assert.deepEqual([3, 4].map((n) => shownSequence(fault, kind, 6, n)), [3, 4]);
    const other = kind === "reorder" ? "reorder-starts" : "reorder";
    assert.deepEqual([3, 4].map((n) => shownSequence(fault, other, 5, n)), [3, 4]);
    assert.deepEqual([3, 4].map((n) => shownSequence(undefined, kind, 5, n)), [3, 4]);
  }
});

Deno.test("the others strike one message", () => {
  const fault = { kind: "lose", partition: 5, sequence: 3 } as const;
  assert.ok(strikes(fault, "lose", 5, 3));
  assert.ok(!strikes(fault, "duplicate", 5, 3));
  assert.ok(!strikes(fault, "lose", 5, 4));
  assert.ok(!strikes(fault, "lose", 4, 3));
});
