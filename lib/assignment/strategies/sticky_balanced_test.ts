import assert from "node:assert/strict";
import fc from "fast-check";
import { isPartiError } from "../../errors.ts";
import { stickyBalanced } from "./sticky_balanced.ts";
import {
  anyInput,
  assign,
  loads,
  movedWeight,
  type Owners,
  partitions,
  unevenness,
  workers,
} from "./strategy_testing.ts";

const SIZES = [[10, 100], [64, 5_000], [100, 1_500]] as const;
/** 5 % at weight 100. */
const skewed = (i: number) => i % 20 === 3 ? 100 : 1;

/** The least that must move when a worker leaves and everybody is to stay within a limit; see tasks/strategy_table.ts. */
function leastOnLeave(
  input: Parameters<typeof loads>[0],
  before: Owners,
  leaver: string,
  limit: number,
) {
  const orphans = input.partitions.filter(({ id }) => before.get(id) === leaver);
  const stay = [...loads(input, before)].filter(([id]) => id !== leaver).map(([, load]) => load)
    .sort((a, b) => a - b);
  const heavy = orphans.filter(({ weight }) => weight > 1);
  return orphans.reduce((sum, { weight }) => sum + weight, 0) +
    heavy.reduce((sum, { weight }, i) => sum + Math.max(0, weight + stay[i]! - limit), 0);
}

Deno.test("sticky: loads are within 5 % of the mean or at the integral optimum, cold and after ±1", () => {
  for (const [w, p] of SIZES) {
    const strategy = stickyBalanced();
    const parts = partitions(p);
    const before = assign(strategy, workers(w), parts);
    const sets = [workers(w), workers(w + 1), workers(w).toSpliced(3, 1)];
    for (const list of sets) {
      const after = assign(strategy, list, parts, before);
      const highest = Math.max(...loads({ workers: list, partitions: parts }, after).values());
      assert.ok(
        highest <= Math.max(1.05 * p / list.length, Math.ceil(p / list.length)),
        `${w}×${p}`,
      );
    }
  }
});

Deno.test("sticky: heavy partitions are as even as they can be", () => {
  const highest = ([w, p]: readonly [number, number]) => {
    const input = { workers: workers(w), partitions: partitions(p, skewed) };
    return Math.max(
      ...loads(input, assign(stickyBalanced(), input.workers, input.partitions)).values(),
    );
  };
  // Five or 75 workers have one heavy partition and nothing else.
  assert.equal(highest(SIZES[0]), 100);
  assert.equal(highest(SIZES[2]), 100);
  assert.ok(highest(SIZES[1]) <= 1.05 * 29_750 / 64);
});

Deno.test("sticky: one worker more moves at most 1.1 times its fair share, and only to it", () => {
  for (const weightOf of [() => 1, skewed]) {
    for (const [w, p] of SIZES) {
      const strategy = stickyBalanced();
      const parts = partitions(p, weightOf);
      const total = parts.reduce((sum, { weight }) => sum + weight, 0);
      const before = assign(strategy, workers(w), parts);
      const after = assign(strategy, workers(w + 1), parts, before);
      assert.ok(movedWeight(parts, before, after) <= 1.1 * total / (w + 1), `${w}×${p}`);
      for (const { id } of parts) {
        assert.ok(after.get(id) === before.get(id) || after.get(id) === `worker-${w}`);
      }
    }
  }
});

Deno.test("sticky: one worker less moves at most 1.1 times the minimum", () => {
  for (const weightOf of [() => 1, skewed]) {
    for (const [w, p] of SIZES) {
      const strategy = stickyBalanced();
      const parts = partitions(p, weightOf);
      const before = assign(strategy, workers(w), parts);
      for (const leaver of [0, w >> 1, w - 1]) {
        const rest = workers(w).toSpliced(leaver, 1);
        const after = assign(strategy, rest, parts, before);
        const cold = assign(strategy, rest, parts);
        const mean = parts.reduce((sum, { weight }) => sum + weight, 0) / rest.length;
        const lowest = Math.max(...loads({ workers: rest, partitions: parts }, cold).values());
        const limit = Math.max(1.05 * mean, lowest);
        const input = { workers: workers(w), partitions: parts };
        const least = leastOnLeave(input, before, `worker-${leaver}`, limit);
        const moved = movedWeight(parts, before, after);
        assert.ok(moved <= 1.1 * least, `${w}×${p} -${leaver}: ${moved} > 1.1 × ${least}`);
        assert.ok(unevenness({ workers: rest, partitions: parts }, after) <= limit / mean + 1e-9);
      }
    }
  }
});

Deno.test("sticky: assigning its own result again moves nothing, for any input", () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const strategy = stickyBalanced();
      const once = strategy(input);
      assert.deepEqual(strategy({ ...input, previous: once }), once);
    }),
    { numRuns: 500 },
  );
});

Deno.test("sticky: what is within the tolerance stays, even if it could be more even", () => {
  const parts = partitions(200);
  // 96 and 104: 4 % off.
  const previous = new Map(parts.map(({ id }, i) => [id, i < 96 ? "worker-0" : "worker-1"]));
  assert.deepEqual(assign(stickyBalanced(), workers(2), parts, previous), previous);
  const after = assign(stickyBalanced({ tolerance: 0.01 }), workers(2), parts, previous);
  assert.equal(movedWeight(parts, previous, after), 4);
});

Deno.test("sticky: equal weights end at the integral optimum, for any counts", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 1, max: 300 }),
    fc.array(fc.nat(29)),
    (w, p, owners) => {
      const input = { workers: workers(w), partitions: partitions(p) };
      const previous = new Map(
        owners.map((owner, i) => [`tenant-0.p-${i}`, `worker-${owner}`]),
      );
      const after = assign(
        stickyBalanced({ tolerance: 0 }),
        input.workers,
        input.partitions,
        previous,
      );
      const counts = [...loads(input, after).values()];
      assert.equal(Math.max(...counts), Math.ceil(p / w));
      assert.equal(Math.min(...counts), Math.floor(p / w));
    },
  ));
});

Deno.test("sticky: moves are few: equal weights, any workers come and go", () => {
  fc.assert(fc.property(
    fc.integer({ min: 2, max: 20 }),
    fc.uniqueArray(fc.nat(40), { minLength: 1, maxLength: 20 }),
    fc.integer({ min: 20, max: 400 }),
    (w, later, p) => {
      const parts = partitions(p);
      const before = assign(stickyBalanced(), workers(w), parts);
      const list = workers(later.sort((a, b) => a - b));
      const after = assign(stickyBalanced(), list, parts, before);
      // At least: what the goners had, or what the newcomers need.
      const here = new Set(list.map(({ id }) => id));
      const orphaned = parts.filter(({ id }) => !here.has(before.get(id)!)).length;
      const newcomers = later.filter((n) => n >= w).length;
      const most = Math.max(orphaned, newcomers * Math.ceil(p / list.length));
      assert.ok(movedWeight(parts, before, after) <= most);
    },
  ));
});

Deno.test("sticky: load follows capacity", () => {
  const capacityOf = (n: number) => [1, 2, 4][n % 3]!;
  const input = { workers: workers(12, capacityOf), partitions: partitions(2_800) };
  const found = loads(input, assign(stickyBalanced(), input.workers, input.partitions));
  for (const { id, capacity } of input.workers) {
    assert.ok(Math.abs(found.get(id)! - 100 * capacity) <= 5 * capacity, `${id}: ${found.get(id)}`);
  }
});

Deno.test("sticky: nobody is more than one partition above the mean, for any input", () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      fc.pre(input.partitions.length > 0);
      const weight = input.partitions.reduce((sum, one) => sum + one.weight, 0);
      const capacity = input.workers.reduce((sum, one) => sum + one.capacity, 0);
      const heaviest = Math.max(...input.partitions.map((one) => one.weight));
      const smallest = Math.min(...input.workers.map((one) => one.capacity));
      // Somebody is at the mean or below; whoever is higher than that one would be with one more partition gives.
      const limit = 1.05 + heaviest / smallest / (weight / capacity);
      const found = unevenness(input, stickyBalanced()(input));
      assert.ok(found <= limit + 1e-9, `${found} > ${limit}`);
    }),
    { numRuns: 500 },
  );
});

Deno.test("sticky: unlike weights, some per worker, end within the tolerance", () => {
  const seeds = fc.integer({ min: 0, max: 1e9 });
  fc.assert(fc.property(seeds, fc.integer({ min: 2, max: 12 }), (seed, w) => {
    const weightOf = (i: number) => 1 + (Math.imul(i + 1, seed | 1) >>> 8) % 10;
    const input = { workers: workers(w), partitions: partitions(w * 12, weightOf) };
    const within = (list: typeof input.workers, owners: Owners) => {
      const found = [...loads({ workers: list, partitions: input.partitions }, owners).values()];
      const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
      // All weights are whole numbers: so is any load.
      assert.ok(Math.max(...found) <= Math.max(1.05 * mean, Math.ceil(mean)), found.join(" "));
    };
    const before = assign(stickyBalanced(), input.workers, input.partitions);
    within(input.workers, before);
    const rest = input.workers.slice(1);
    within(rest, assign(stickyBalanced(), rest, input.partitions, before));
  }));
});

Deno.test("sticky: a worker that comes back gets all it had", () => {
  for (const [w, p] of SIZES) {
    const strategy = stickyBalanced();
    const parts = partitions(p);
    const before = assign(strategy, workers(w), parts);
    for (const leaver of [0, w >> 1]) {
      const without = assign(strategy, workers(w).toSpliced(leaver, 1), parts, before);
      const after = assign(strategy, workers(w), parts, without);
      assert.ok(movedWeight(parts, before, after) <= 1, `${w}×${p} worker-${leaver}`);
    }
  }
});

const TEN = Array.from({ length: 10 }, (_, i) => i);

Deno.test("sticky: restarting 10 workers one at a time brings 100 partitions back where they were", () => {
  for (let seed = 0; seed < 10; seed++) {
    const strategy = stickyBalanced();
    const parts = partitions(100, () => 1, seed);
    const at = (list: number[], previous: Owners) =>
      assign(strategy, workers(list), parts, previous);
    const start = at(TEN, new Map());
    let owners = start;
    for (const n of TEN) owners = at(TEN, at(TEN.filter((one) => one !== n), owners));
    assert.ok(movedWeight(parts, start, owners) <= 5);
  }
});

// At least the ten of the ID that is not used in the end change hands; measured over 50 seeds: 23 in the median, 27 at most.
Deno.test("sticky: replacing 10 workers with a surge of one, under the ID that is free, keeps 70 of 100 partitions", () => {
  for (let seed = 0; seed < 10; seed++) {
    const strategy = stickyBalanced();
    const parts = partitions(100, () => 1, seed);
    const at = (list: number[], previous: Owners) =>
      assign(strategy, workers(list.toSorted((a, b) => a - b)), parts, previous);
    const start = at(TEN, new Map());
    let owners = start;
    let living = TEN;
    for (const leaver of TEN) {
      const free = [...TEN, 10].find((n) => !living.includes(n))!;
      owners = at([...living, free], owners);
      living = [...living, free].filter((n) => n !== leaver);
      owners = at(living, owners);
    }
    assert.ok(movedWeight(parts, start, owners) <= 30, `seed ${seed}`);
  }
});

Deno.test("sticky: a new partition goes to a light worker and moves no other", () => {
  const strategy = stickyBalanced();
  const before = assign(strategy, workers(10), partitions(100));
  const more = partitions(105);
  const after = assign(strategy, workers(10), more, before);
  for (const [id, owner] of before) assert.equal(after.get(id), owner);
  assert.ok(Math.max(...loads({ workers: workers(10), partitions: more }, after).values()) === 11);
});

Deno.test("sticky: a partition that becomes heavy pushes the others away and stays", () => {
  const strategy = stickyBalanced();
  const before = assign(strategy, workers(4), partitions(40));
  const grown = partitions(40, (i) => i === 7 ? 20 : 1);
  const after = assign(strategy, workers(4), grown, before);
  assert.equal(after.get("tenant-0.p-7"), before.get("tenant-0.p-7"));
  assert.equal(Math.max(...loads({ workers: workers(4), partitions: grown }, after).values()), 20);
});

Deno.test("sticky: no workers and a bad tolerance are refused; no partitions are fine", () => {
  assert.throws(
    () => assign(stickyBalanced(), [], partitions(1)),
    (error) => isPartiError(error, "PARTI_INVALID_ASSIGNMENT"),
  );
  for (const tolerance of [-0.1, 1.1, NaN]) {
    assert.throws(
      () => stickyBalanced({ tolerance }),
      (error) => isPartiError(error, "PARTI_INVALID_CONFIG"),
    );
  }
  assert.equal(assign(stickyBalanced(), workers(3), []).size, 0);
  assert.equal(assign(stickyBalanced(), workers(1), partitions(5)).size, 5);
});
