import assert from "node:assert/strict";
import fc from "fast-check";
import { stickyBalanced } from "../../lib/assignment/strategies/sticky_balanced.ts";
import { maxOverMean, type Share, unevenness } from "./balance.ts";

/** Shares by their sizes: the first worker has the first partitions, and so on. */
function sharesOf(sizes: readonly number[], capacities: readonly number[] = []): Share[] {
  let next = 0;
  return sizes.map((size, worker) => ({
    process: `worker-${worker}#1`,
    capacity: capacities[worker] ?? 1,
    partitions: Array.from({ length: size }, () => next++),
  }));
}

const equal = (count: number) => new Array<number>(count).fill(1);

Deno.test("balance: the highest load over the mean, by weight and capacity", () => {
  assert.equal(maxOverMean(sharesOf([5, 5]), equal(10)), 1);
  assert.equal(maxOverMean(sharesOf([6, 4]), equal(10)), 1.2);
  assert.equal(maxOverMean(sharesOf([1, 4]), [4, 1, 1, 1, 1]), 1);
  assert.equal(maxOverMean(sharesOf([8, 2], [4, 1]), equal(10)), 1);
});

Deno.test("balance: within the tolerance, at the integral optimum, or one partition too heavy to share", () => {
  assert.equal(unevenness(sharesOf([52, 48]), equal(100), 0.05), undefined);
  assert.equal(unevenness(sharesOf([12, 11, 11, 11]), equal(45), 0.05), undefined);
  assert.equal(unevenness(sharesOf([1, 5, 5]), [100, ...equal(10)], 0.05), undefined);
  assert.equal(unevenness(sharesOf([8, 2], [4, 1]), equal(10), 0), undefined);
  assert.equal(unevenness(sharesOf([0, 0]), [], 0.05), undefined);
});

Deno.test("balance: planted: a load that could be lower is named", () => {
  assert.equal(
    unevenness(sharesOf([13, 7, 10]), equal(30), 0.05),
    "the load is uneven: worker-0#1 has 1.30 times the mean, worker-1#1 0.70 times",
  );
  assert.match(unevenness(sharesOf([12, 10, 11]), equal(33), 0.05)!, /worker-0#1 has 1\.09/);
  // Two heavy ones at one worker, none at the others.
  const heavy = [100, 100, ...equal(10)];
  assert.match(unevenness(sharesOf([2, 5, 5]), heavy, 0.05)!, /^the load is uneven: worker-0#1/);
  // As many partitions each, but one can carry four times as much.
  assert.match(unevenness(sharesOf([5, 5], [4, 1]), equal(10), 0.05)!, /worker-1#1 has 2\.50/);
  assert.match(unevenness(sharesOf([10, 0]), equal(10), 0.05)!, /worker-1#1 0\.00 times/);
});

Deno.test("balance: what StickyBalanced answers keeps its promise, whatever came before", () => {
  const weight = fc.oneof(fc.constant(1), fc.constantFrom(2, 7, 100));
  const capacity = fc.constantFrom(0.5, 1, 1, 1, 2, 3.7);
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 1, maxLength: 80 }),
      fc.array(capacity, { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(15), { maxLength: 80 }),
      fc.constantFrom(0, 0.05, 0.2),
      (weights, capacities, before, tolerance) => {
        const owners = stickyBalanced({ tolerance })({
          workers: capacities.map((capacity, w) => ({ id: `w${w}`, capacity, labels: {} })),
          partitions: weights.map((weight, p) => ({ id: String(p), weight }))
            .sort((a, b) => a.id < b.id ? -1 : 1),
          previous: new Map(before.map((w, p) => [String(p), `w${w}`])),
        });
        const shares = capacities.map((capacity, w): Share => {
          const partitions = weights.keys().filter((p) => owners.get(String(p)) === `w${w}`);
          return { process: `w${w}`, capacity, partitions: [...partitions] };
        });
        assert.equal(unevenness(shares, weights, tolerance), undefined);
      },
    ),
    { numRuns: 2_000 },
  );
});
