import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { consistentHash } from "./consistent_hash.ts";
import { assign, partitions, unevenness, workers } from "./strategy_testing.ts";

Deno.test("consistent hash: test vectors for the defaults", () => {
  const owners = assign(consistentHash(), workers(10), partitions(8));
  assert.deepEqual(
    [...owners.values()].map((id) => Number(id.slice(7))),
    [6, 3, 1, 7, 3, 2, 6, 6],
  );
});

Deno.test("consistent hash: a worker that goes moves only its own partitions, one that comes only takes", () => {
  const strategy = consistentHash();
  const parts = partitions(1_500);
  const before = assign(strategy, workers(100), parts);
  const left = assign(strategy, workers(100).toSpliced(37, 1), parts);
  for (const [id, owner] of before) {
    if (owner === "worker-37") assert.notEqual(left.get(id), "worker-37");
    else assert.equal(left.get(id), owner);
  }
  const grown = assign(strategy, workers(101), parts);
  const moved = parts.filter(({ id }) => grown.get(id) !== before.get(id));
  assert.ok(moved.length > 0 && moved.every(({ id }) => grown.get(id) === "worker-100"));
});

Deno.test("consistent hash: the previous assignment and weights do not matter", () => {
  const strategy = consistentHash();
  const parts = partitions(200);
  const before = assign(strategy, workers(5), parts);
  const heavy = parts.map(({ id }, i) => ({ id, weight: 1 + i }));
  const previous = new Map(parts.map(({ id }) => [id, "worker-0"]));
  assert.deepEqual(assign(strategy, workers(5), heavy, previous), before);
});

Deno.test("consistent hash: more points are more even; another seed places otherwise", () => {
  const input = { workers: workers(20), partitions: partitions(20_000) };
  const even = (virtualNodes: number) =>
    unevenness(input, assign(consistentHash({ virtualNodes }), input.workers, input.partitions));
  assert.ok(even(1_000) < 1.15, String(even(1_000)));
  assert.ok(even(1) > 1.5, String(even(1)));
  assert.notDeepEqual(
    assign(consistentHash({ seed: 1 }), input.workers, input.partitions),
    assign(consistentHash(), input.workers, input.partitions),
  );
});

// W-39: zero virtual nodes crash the Go leader.
Deno.test("consistent hash: options out of range are refused", () => {
  for (const virtualNodes of [0, -1, 1.5, NaN, 10_001]) {
    assert.throws(
      () => consistentHash({ virtualNodes }),
      (error) => isPartiError(error, "PARTI_INVALID_CONFIG"),
    );
  }
  for (const seed of [-1, 0.5, 2 ** 53]) {
    assert.throws(
      () => consistentHash({ seed }),
      (error) => isPartiError(error, "PARTI_INVALID_CONFIG"),
    );
  }
});
