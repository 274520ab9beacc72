import assert from "node:assert/strict";
import { Seeded } from "../../sim/seed/seeded.ts";
import { differenceOf, mean } from "./difference.ts";

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

Deno.test("difference: value and interval are those that one computes by hand", () => {
  // Variances 2.5 and 10 over 5 values: v = 0.5 and 2, degrees 6.25 ÷ (0.0625 + 1) = 5.88, so t(5) = 2.5706.
  const { value, half } = differenceOf([
    { values: [2, 4, 6, 8, 10], sign: 1 },
    { values: [1, 2, 3, 4, 5], sign: -1 },
  ]);
  assert.equal(value, 3);
  near(half!, 2.5706 * Math.sqrt(2.5), 1e-3);
});

Deno.test("difference: with equal values nothing is uncertain, and too few say nothing", () => {
  const same = [5, 5, 5];
  const terms = [{ values: same, sign: 1 }, { values: same, sign: -1 }] as const;
  assert.deepEqual(differenceOf(terms), { value: 0, half: 0 });
  assert.equal(differenceOf([terms[0], { values: [5, 5], sign: -1 }]).half, undefined);
  assert.ok(Number.isNaN(mean([])));
});

/** How often in a thousand the interval of three normal values each misses the truth, which is 0. */
function missesOf(terms: number): number {
  const chance = new Seeded(4, "difference", terms);
  let draw = 0, misses = 0;
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - chance.float(draw++))) *
    Math.cos(2 * Math.PI * chance.float(draw++));
  for (let run = 0; run < 1_000; run++) {
    const { value, half } = differenceOf(Array.from({ length: terms }, (_, n) => ({
      values: [normal(), normal(), normal()],
      sign: n % 2 === 0 ? 1 : -1,
    })));
    if (Math.abs(value) > half!) misses++;
  }
  return misses;
}

Deno.test("difference: of three values each, the interval holds the truth 95 times of 100 at least", () => {
  assert.ok(missesOf(2) <= 60, `${missesOf(2)} of 1,000 missed`);
  assert.ok(missesOf(4) <= 60, `${missesOf(4)} of 1,000 missed`);
});
