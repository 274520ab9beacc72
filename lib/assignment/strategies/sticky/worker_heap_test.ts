import assert from "node:assert/strict";
import fc from "fast-check";
import { partitions, workers } from "../strategy_testing.ts";
import { Board } from "./board.ts";
import { WorkerHeap } from "./worker_heap.ts";

const capacityOf = (n: number) => [1, 2, 1, 5][n % 4]!;

Deno.test("worker heap: finds the lightest while loads grow, for any sequence", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 1, max: 9 }))), (steps) => {
    const board = new Board(
      workers(9, capacityOf),
      partitions(steps.length, (i) => steps[i]![1]),
      0,
    );
    const heap = new WorkerHeap(board, "lightest");
    steps.forEach(([w], p) => {
      const weight = board.weight[p]!;
      const heights = [...board.load].map((load, i) => (load + weight) / board.capacity[i]!);
      const best = heap.best(weight)!;
      assert.equal(heights[best], Math.min(...heights));
      assert.equal(best, heights.indexOf(heights[best]!), "ties go to the first");
      // Loads grow elsewhere, too.
      board.give(p, p % 3 === 0 ? w : best);
    });
  }));
});

Deno.test("worker heap: finds the heaviest while loads shrink, and leaves out what was dropped", () => {
  const board = new Board(workers(4), partitions(10), 0);
  for (let p = 0; p < 10; p++) board.give(p, Math.min(3, p >> 1));
  const heap = new WorkerHeap(board, "heaviest");
  assert.equal(heap.best(), 3);
  board.load[3] = 1;
  assert.equal(heap.best(), 0);
  heap.drop(0);
  assert.equal(heap.best(), 1);
  heap.drop(1);
  heap.drop(heap.best()!);
  assert.equal(heap.best(), 3);
  heap.drop(3);
  assert.equal(heap.best(), undefined);
  heap.restore(3);
  heap.restore(1);
  assert.equal(heap.best(), 1);
});

Deno.test("worker heap: with a capacity for each worker, who is dropped and taken in again costs no more each time", () => {
  const board = new Board(workers(300, (n) => 1 + n / 7), partitions(0), 0);
  for (const which of ["lightest", "heaviest"] as const) {
    const heap = new WorkerHeap(board, which);
    const tookMs = (times: number) => {
      const startedAtMs = performance.now();
      for (let n = 0; n < times; n++) {
        const best = heap.best()!;
        heap.drop(best);
        heap.restore(best);
      }
      return performance.now() - startedAtMs;
    };
    const firstMs = tookMs(5_000);
    tookMs(10_000);
    const lastMs = tookMs(5_000);
    // Where each return leaves something behind to be looked at ever after, it is seven times as long.
    assert.ok(lastMs < 3 * firstMs, `${which}: ${firstMs} ms, then ${lastMs} ms`);
  }
});
