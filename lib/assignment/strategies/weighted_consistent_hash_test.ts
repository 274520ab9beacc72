import assert from "node:assert/strict";
import fc from "fast-check";
import { isPartiError } from "../../errors.ts";
import {
  anyInput,
  assign,
  loads,
  movedWeight,
  partitions,
  unevenness,
  workers,
} from "./strategy_testing.ts";
import { consistentHash } from "./consistent_hash.ts";
import { weightedConsistentHash } from "./weighted_consistent_hash.ts";

/** 5 % at weight 100. */
const skewed = (i: number) => i % 20 === 3 ? 100 : 1;

Deno.test("weighted consistent hash: equal weights are bounded, too (Go: 1.78 at 100×1500)", () => {
  for (const [w, p] of [[10, 100], [64, 5_000], [100, 1_500]] as const) {
    const input = { workers: workers(w), partitions: partitions(p) };
    const owners = assign(weightedConsistentHash(), input.workers, input.partitions);
    assert.ok(unevenness(input, owners) <= 1.3 + 1e-9);
  }
});

Deno.test("weighted consistent hash: where nobody is full, owners are those of the plain ring", () => {
  const parts = partitions(100);
  const plain = assign(consistentHash(), workers(3), parts);
  const bounded = assign(weightedConsistentHash({ overloadThreshold: 100 }), workers(3), parts);
  assert.deepEqual(bounded, plain);
});

// Go moves 72 of 75 extremes when one worker joins 100, and up to 75 of 75 when one leaves.
Deno.test("weighted consistent hash: extremes stay with their owner when workers come and go", () => {
  const strategy = weightedConsistentHash();
  const parts = partitions(1_500, skewed);
  const extremes = parts.filter(({ weight }) => weight === 100);
  assert.equal(extremes.length, 75);
  const before = assign(strategy, workers(100), parts);
  const grown = assign(strategy, workers(101), parts, before);
  assert.equal(movedWeight(extremes, before, grown), 0);
  for (const leaver of [0, 25, 50, 99]) {
    const rest = workers(100).toSpliced(leaver, 1);
    const shrunk = assign(strategy, rest, parts, before);
    const kept = extremes.filter(({ id }) => before.get(id) !== `worker-${leaver}`);
    assert.equal(movedWeight(kept, before, shrunk), 0, `worker-${leaver}`);
  }
});

Deno.test("weighted consistent hash: extremes spread out, and +1 moves far less than all (Go: 82 %)", () => {
  const strategy = weightedConsistentHash();
  const input = { workers: workers(100), partitions: partitions(1_500, skewed) };
  const before = assign(strategy, input.workers, input.partitions);
  const heavy = {
    workers: input.workers,
    partitions: input.partitions.filter((p) => p.weight > 1),
  };
  assert.equal(Math.max(...loads(heavy, before).values()), 100);
  assert.ok(unevenness(input, before) <= 1.3 + 1e-9);
  const grown = assign(strategy, workers(101), input.partitions, before);
  const total = input.partitions.reduce((sum, { weight }) => sum + weight, 0);
  assert.ok(movedWeight(input.partitions, before, grown) / total < 0.02);
});

Deno.test("weighted consistent hash: nobody is above the threshold where weights allow, for any input", () => {
  fc.assert(fc.property(anyInput, (input) => {
    const owners = weightedConsistentHash()(input);
    const weight = input.partitions.reduce((sum, one) => sum + one.weight, 0);
    const capacity = input.workers.reduce((sum, one) => sum + one.capacity, 0);
    const heaviest = Math.max(0, ...input.partitions.map((one) => one.weight));
    const smallest = Math.min(...input.workers.map((one) => one.capacity));
    // What fits nowhere goes to the lightest worker, which then is at most one partition above the mean.
    const limit = Math.max(1.3 * weight / capacity, weight / capacity + heaviest / smallest);
    for (const [id, load] of loads(input, owners)) {
      const worker = input.workers.find((one) => one.id === id)!;
      assert.ok(load / worker.capacity <= limit + 1e-6, `${id} carries ${load}`);
    }
  }));
});

Deno.test("weighted consistent hash: capacity counts", () => {
  const list = workers(10, (n) => n === 0 ? 3 : 1);
  const input = { workers: list, partitions: partitions(5_000) };
  const owners = assign(weightedConsistentHash(), list, input.partitions);
  const found = loads(input, owners);
  for (const { id, capacity } of list) {
    assert.ok(found.get(id)! <= 1.3 * capacity * 5_000 / 12 + 1e-6, id);
  }
});

Deno.test("weighted consistent hash: options out of range are refused by name", () => {
  const bad = [
    { virtualNodes: 0 },
    { overloadThreshold: 1.1 },
    { extremeThreshold: 1 },
    { overloadThreshold: NaN },
    { seed: -3 },
  ];
  for (const options of bad) {
    assert.throws(() => weightedConsistentHash(options), (error) => {
      assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
      assert.match(error.message, new RegExp(Object.keys(options)[0]!));
      return true;
    });
  }
});
