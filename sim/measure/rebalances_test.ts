import assert from "node:assert/strict";
import { type Rebalance, RebalanceWatch } from "./rebalances.ts";

const MS = 1_000;

function watch() {
  const told: (number | Rebalance)[] = [];
  const rebalances = new RebalanceWatch({
    detected: (moving) => void told.push(moving),
    complete: (rebalance) => void told.push(rebalance),
  });
  const assigned = (process: string, generation: number, owned: number[], atMs: number) =>
    rebalances.assigned(process, { epoch: 1, generation, owned }, atMs * MS);
  const acquired = (process: string, partitions: number[], atMs: number) =>
    rebalances.acquired(process, partitions, atMs * MS);
  const tick = (atMs: number) => rebalances.tick(atMs * MS);
  return { told, rebalances, assigned, acquired, tick };
}

Deno.test("one rebalancing is told once, however many workers report it and in whatever order", () => {
  const { told, rebalances, assigned, acquired, tick } = watch();
  assigned("a#1", 1, [0, 1], 100);
  assigned("b#1", 1, [2], 90);
  tick(150);
  assert.equal(rebalances.moving, 3);
  acquired("a#1", [0, 1], 200);
  acquired("b#1", [2], 180);
  tick(400);
  tick(700);
  tick(1_200);
  const complete = { durationMs: 110, moved: 3, workersBefore: 0, workersAfter: 2 };
  assert.deepEqual(told, [3, complete]);
});

Deno.test("what follows within a moment belongs to it", () => {
  const { told, assigned, acquired, tick } = watch();
  assigned("a#1", 1, [0, 1, 2, 3], 0);
  acquired("a#1", [0, 1, 2, 3], 10);
  tick(600);
  told.length = 0;
  assigned("b#1", 2, [2], 1_000);
  tick(1_050);
  acquired("b#1", [2], 1_100);
  tick(1_550);
  // Its report comes before the one that says why.
  acquired("c#1", [3], 1_560);
  assigned("c#1", 2, [3], 1_010);
  tick(2_000);
  tick(2_100);
  const complete = { durationMs: 560, moved: 2, workersBefore: 1, workersAfter: 3 };
  assert.deepEqual(told, [1, complete]);
});

Deno.test("who says again what it has moves nothing, and neither does one who has not heard the news", () => {
  const { told, rebalances, assigned, acquired, tick } = watch();
  assigned("a#1", 1, [0], 0);
  acquired("a#1", [0], 10);
  tick(600);
  told.length = 0;
  assigned("a#1", 1, [0], 1_000);
  assigned("b#1", 2, [0], 1_100);
  assert.equal(rebalances.moving, 1);
  assigned("a#1", 1, [0], 1_200);
  assert.equal(rebalances.moving, 1);
  acquired("b#1", [0], 1_300);
  assert.equal(rebalances.moving, 0);
  tick(3_000);
  const complete = { durationMs: 200, moved: 1, workersBefore: 1, workersAfter: 1 };
  assert.deepEqual(told, [1, complete]);
});

Deno.test("a partition that is given to somebody who dies is given again, and that is one rebalancing", () => {
  const { told, assigned, acquired, tick } = watch();
  assigned("a#1", 1, [0], 0);
  tick(5_000);
  assigned("b#1", 2, [0], 9_000);
  acquired("b#1", [0], 9_100);
  tick(9_700);
  assert.deepEqual(told, [1, { durationMs: 9_100, moved: 1, workersBefore: 0, workersAfter: 1 }]);
});
