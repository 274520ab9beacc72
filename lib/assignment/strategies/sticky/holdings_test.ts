import assert from "node:assert/strict";
import fc from "fast-check";
import { partitions, workers } from "../strategy_testing.ts";
import { Board } from "./board.ts";
import { Holding, Holdings } from "./holdings.ts";

Deno.test("holding: finds by weight and skips what was taken, for any sequence", () => {
  const step = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 12 }));
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 20 }),
    fc.array(step, { maxLength: 40 }),
    (weights, steps) => {
      const sorted = weights.toSorted((a, b) => a - b);
      const holding = new Holding(Uint32Array.from(sorted, (_, i) => i), Float64Array.from(sorted));
      const left = [...sorted];
      for (const [up, limit] of steps) {
        const place = up ? holding.lightestFrom(limit) : holding.heaviestUpTo(limit);
        const want = up
          ? left.find((weight) => weight >= limit)
          : left.findLast((weight) => weight <= limit);
        assert.equal(place === 0 ? undefined : sorted[holding.at(place)], want);
        if (place === 0) continue;
        holding.take(place);
        left.splice(left.indexOf(want!), 1);
      }
    },
  ));
});

Deno.test("holdings: group by owner; among equals, what is not at home is given away first", () => {
  const board = new Board(workers(2), partitions(5, (i) => i === 4 ? 9 : 1), 0.05);
  for (const p of [0, 1, 2, 4]) board.give(p, 0);
  board.give(3, 1);
  const holding = new Holdings(board, Int32Array.of(0, 1, 0, 1, 0)).of(0);
  assert.equal(holding.size, 4);
  assert.equal(holding.at(holding.heaviestUpTo(9)), 4);
  assert.equal(holding.at(holding.heaviestUpTo(8)), 1);
  assert.equal(holding.at(holding.lightestFrom(0)), 1);
});
