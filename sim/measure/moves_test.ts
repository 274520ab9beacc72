import assert from "node:assert/strict";
import { Impairments } from "../ledger/impairments.ts";
import { Moves } from "./moves.ts";
import { Strikes } from "./strikes.ts";

const SECOND_US = 1_000_000;

/** Partitions from one number to another, not included. */
const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

/** Three workers with ten partitions each, settled at 10 s. */
function rig(weights = new Array<number>(30).fill(1)) {
  const impairments = new Impairments();
  const cutOff = new Strikes();
  const moves = new Moves(weights, impairments, cutOff);
  for (const [index, name] of ["a#1", "b#1", "c#1"].entries()) {
    moves.acquired(name, range(index * 10, index * 10 + 10), SECOND_US);
  }
  moves.begin(10 * SECOND_US);
  const count = { total: 0, needed: 0 };
  moves.event(20 * SECOND_US, count);
  const acquired = (name: string, partitions: readonly number[], atS: number) => {
    moves.acquired(name, partitions, atS * SECOND_US);
  };
  return { moves, impairments, cutOff, count, acquired };
}

Deno.test("moves: what is lost with whoever goes has to move, however it goes", () => {
  for (const how of ["killed", "leaving", "paused"] as const) {
    const { moves, count, acquired } = rig();
    moves.gone("a#1", how, 20 * SECOND_US);
    acquired("b#1", range(0, 5), 21);
    acquired("c#1", range(5, 10), 21);
    moves.finish();
    assert.deepEqual(moves.count, { total: 10, needed: 10 });
    assert.deepEqual(count, { total: 10, needed: 10 });
  }
});

Deno.test("moves: planted: what those who stay give to each other is needless", () => {
  const { moves, count, acquired } = rig();
  moves.gone("a#1", "killed", 20 * SECOND_US);
  acquired("b#1", range(0, 10), 21);
  acquired("c#1", range(10, 14), 22);
  moves.finish();
  assert.deepEqual(count, { total: 14, needed: 10 });
  assert.deepEqual(moves.weight, { total: 14, needed: 10 });
});

Deno.test("moves: planted: a newcomer has to be given its share, no more, and only while it is new", () => {
  const share = rig();
  share.acquired("d#1", [0, 1, 2, 10, 11, 20, 21], 21);
  share.moves.finish();
  assert.deepEqual(share.count, { total: 7, needed: 7 });
  const more = rig();
  more.acquired("d#1", range(0, 12), 21);
  more.moves.finish();
  // 30 partitions and four workers: eight are its share, rounded up.
  assert.deepEqual(more.count, { total: 12, needed: 8 });
  const late = rig();
  late.acquired("d#1", range(0, 3), 21);
  late.acquired("d#1", range(10, 13), 60);
  late.moves.finish();
  assert.deepEqual(late.count, { total: 6, needed: 3 });
});

Deno.test("moves: shares are shares of weight", () => {
  const weights = new Array<number>(30).fill(1);
  weights[0] = 30;
  const { moves, count, acquired } = rig(weights);
  acquired("d#1", [0], 21);
  acquired("d#1", [1, 2], 22);
  moves.finish();
  assert.deepEqual(count, { total: 3, needed: 1 });
  assert.deepEqual(moves.weight, { total: 32, needed: 30 });
});

Deno.test("moves: one that was paused and is back is a newcomer; what it gives away later need not be", () => {
  const { moves, count, acquired } = rig();
  moves.gone("a#1", "paused", 20 * SECOND_US);
  acquired("b#1", range(0, 10), 21);
  acquired("a#1", range(0, 5), 31);
  acquired("c#1", [0], 90);
  moves.finish();
  assert.deepEqual(count, { total: 16, needed: 15 });
});

Deno.test("moves: who could not act loses what it has, and so does everybody around an outage", () => {
  const { moves, impairments, count, acquired } = rig();
  impairments.stopped("a#1", 25 * SECOND_US, 28 * SECOND_US);
  acquired("b#1", [0, 1], 29);
  acquired("a#1", [10], 29);
  impairments.outage(100 * SECOND_US, 110 * SECOND_US);
  acquired("c#1", [11], 112);
  moves.finish();
  assert.deepEqual(count, { total: 4, needed: 3 });
});

Deno.test("moves: planted: who was cut off loses what it has then and within ten seconds; later moves are as any others", () => {
  const { moves, cutOff, count, acquired } = rig();
  const end = cutOff.begin("a#1", 25 * SECOND_US);
  acquired("b#1", [0], 24);
  acquired("b#1", [1], 26);
  end(30 * SECOND_US);
  acquired("c#1", [2], 39);
  acquired("c#1", [3], 41);
  moves.finish();
  assert.deepEqual(count, { total: 4, needed: 2 });
});

Deno.test("moves: one that lost all while it was cut off is a newcomer when it is back; one that kept all is none", () => {
  const { moves, cutOff, count, acquired } = rig();
  for (const name of ["a#1", "c#1"]) cutOff.begin(name, 25 * SECOND_US)(32 * SECOND_US);
  acquired("b#1", range(0, 10), 31);
  acquired("a#1", range(0, 5), 50);
  acquired("a#1", range(10, 15), 50);
  moves.finish();
  assert.deepEqual(count, { total: 20, needed: 20 });
  acquired("c#1", [15], 51);
  moves.finish();
  assert.deepEqual(count, { total: 21, needed: 20 });
});

Deno.test("moves: reports come in any order, and a move is the last event's before it", () => {
  const { moves, count, acquired } = rig();
  const later = { total: 0, needed: 0 };
  moves.event(30 * SECOND_US, later);
  acquired("b#1", [0], 31);
  acquired("c#1", [0], 29);
  acquired("b#1", [1], 15);
  acquired("a#1", [2], 25);
  moves.finish();
  assert.deepEqual([count, later], [{ total: 1, needed: 0 }, { total: 1, needed: 0 }]);
  assert.deepEqual(moves.count, { total: 3, needed: 0 });
});

Deno.test("moves: a long run is counted while it goes on", () => {
  const { moves, acquired } = rig();
  for (let n = 0; n < 50_000; n++) acquired(n % 2 === 0 ? "b#1" : "c#1", [0], 100 + n * 10);
  assert.ok(moves.count.total > 10_000, String(moves.count.total));
  moves.finish();
  assert.equal(moves.count.total, 50_000);
});

Deno.test("moves: planted: for partitions that come or go as much has to move as they weigh, and only soon after", () => {
  const came = rig();
  came.moves.grow([3, 1], 20 * SECOND_US);
  came.acquired("a#1", [30, 31], 20.5);
  came.acquired("b#1", range(0, 6), 21);
  came.moves.finish();
  assert.deepEqual(came.count, { total: 6, needed: 4 }, "what comes moves from nobody");
  assert.equal(came.moves.totalWeight, 34);
  const went = rig();
  went.moves.shrink([20, 21], 20 * SECOND_US);
  went.acquired("c#1", [0, 1, 2], 21);
  went.acquired("c#1", [10], 60);
  went.moves.finish();
  assert.deepEqual(went.count, { total: 4, needed: 2 });
  assert.equal(went.moves.totalWeight, 28);
});

Deno.test("moves: what is saved is all that no late report can change any more, also of the events", () => {
  const { moves, count, acquired } = rig();
  moves.gone("a#1", "killed", 20 * SECOND_US);
  acquired("b#1", range(0, 10), 21);
  acquired("c#1", range(10, 14), 90);
  const settled = { total: 10, needed: 10 };
  assert.deepEqual(moves.save(100 * SECOND_US), { count: settled, weight: settled });
  assert.deepEqual(count, settled);
  // What was too young then is not forgotten by whoever saved it.
  moves.finish();
  assert.deepEqual(moves.count, { total: 14, needed: 10 });
});
