import assert from "node:assert/strict";
import { partitions, workers } from "../strategy_testing.ts";
import { Board } from "./board.ts";
import { settle } from "./settle.ts";

/** A board on which each worker owns partitions of the given weights. */
function boardOf(holdings: readonly (readonly number[])[], capacityOf = () => 1): Board {
  const weights = holdings.flat();
  const board = new Board(
    workers(holdings.length, capacityOf),
    weights.map((weight, i) => ({ id: `p-${i}`, weight })),
    0.05,
  );
  let p = 0;
  holdings.forEach((own, w) => own.forEach(() => board.give(p++, w)));
  return board;
}

function settled(holdings: readonly (readonly number[])[]): { loads: number[]; moved: number } {
  const board = boardOf(holdings);
  const before = board.owner.slice();
  settle(board, () => before);
  const moved = before.reduce(
    (sum, w, p) => board.owner[p] === w ? sum : sum + board.weight[p]!,
    0,
  );
  return { loads: [...board.load], moved };
}

Deno.test("settle: a balanced board needs no homes and moves nothing", () => {
  const board = boardOf([[1, 1], [1, 1]]);
  settle(board, () => assert.fail("homes were asked for"));
  assert.deepEqual([...board.load], [2, 2]);
});

Deno.test("settle: fills who has nothing from those that have most", () => {
  assert.deepEqual(settled([[1, 1, 1], [1, 1, 1], []]), { loads: [2, 2, 2], moved: 2 });
});

Deno.test("settle: light partitions make way for a heavy one", () => {
  assert.deepEqual(settled([[10, 1, 1], [1, 1], [1, 1]]), { loads: [10, 3, 3], moved: 2 });
});

Deno.test("settle: exchanges where no single move helps", () => {
  // 14 and 10: the mean is 12, and nothing weighs less than 5.
  assert.deepEqual(settled([[7, 7], [5, 5]]), { loads: [12, 12], moved: 12 });
});

Deno.test("settle: leaves alone what cannot be better", () => {
  assert.deepEqual(settled([[100], [1, 1], [1, 1]]), { loads: [100, 2, 2], moved: 0 });
  assert.deepEqual(settled([[5, 5], [5, 5], [5]]), { loads: [10, 10, 5], moved: 0 });
});

Deno.test("settle: what goes home is preferred", () => {
  const board = new Board(workers(3), partitions(9), 0.05);
  for (let p = 0; p < 9; p++) board.give(p, p < 5 ? 0 : 1);
  const homes = Int32Array.of(0, 2, 0, 0, 2, 1, 2, 1, 1);
  settle(board, () => homes);
  assert.deepEqual([...board.owner], [...homes]);
});
