import assert from "node:assert/strict";
import { roundRobin } from "./round_robin.ts";
import { assign, loads, partitions, workers } from "./strategy_testing.ts";

Deno.test("round robin: deals out in order, worker-2 before worker-10", () => {
  const owners = assign(roundRobin(), workers([10, 2]), [
    { id: "a", weight: 1 },
    { id: "b", weight: 1 },
    { id: "c", weight: 1 },
  ]);
  assert.deepEqual([...owners], [["a", "worker-2"], ["b", "worker-10"], ["c", "worker-2"]]);
});

Deno.test("round robin: counts differ by one at most, and every worker counts", () => {
  const input = { workers: workers(7), partitions: partitions(100) };
  const counts = [...loads(input, assign(roundRobin(), input.workers, input.partitions)).values()];
  assert.equal(Math.max(...counts), 15);
  assert.equal(Math.min(...counts), 14);
});
