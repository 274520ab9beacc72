import assert from "node:assert/strict";
import { PartiError } from "../lib/errors.ts";
import { type RawDstOptions, readOptions } from "./dst_options.ts";

const goalOf = (raw: RawDstOptions) => {
  const { what } = readOptions(raw, 4);
  assert.ok(what.kind === "many");
  return what.goal;
};

Deno.test("without options: 200 seeds of everything on all cores, and more until all is reached", () => {
  assert.deepEqual(readOptions({}, 4), {
    workloads: [],
    what: {
      kind: "many",
      goal: {
        firstSeed: 1,
        minSeeds: 200,
        maxSeeds: 10_000,
        untilCovered: true,
        timeMs: Number.POSITIVE_INFINITY,
        maxFailures: 10,
      },
    },
    allowMisses: false,
    jobs: 4,
    twice: false,
    trace: false,
    shrink: false,
    shrinkMs: 60_000,
    limitMs: 120_000,
    seedLimit: undefined,
    out: undefined,
    registry: undefined,
  });
});

Deno.test("how many seeds there are follows from what was said", () => {
  const bounds = (raw: RawDstOptions) => {
    const { minSeeds, maxSeeds, timeMs, untilCovered } = goalOf(raw);
    return [minSeeds, maxSeeds, timeMs, untilCovered];
  };
  const ever = Number.POSITIVE_INFINITY;
  assert.deepEqual(bounds({ allowMisses: true }), [1, 200, ever, false]);
  assert.deepEqual(bounds({ seeds: "5" }), [1, 5, ever, false]);
  assert.deepEqual(bounds({ time: "2m" }), [1, 1_000_000_000, 120_000, false]);
  assert.deepEqual(bounds({ time: "2m", seeds: "7" }), [1, 7, 120_000, false]);
  assert.deepEqual(bounds({ untilCovered: true }), [100, 10_000, ever, true]);
  assert.deepEqual(bounds({ untilCovered: true, maxSeeds: "20" }), [20, 20, ever, true]);
  assert.deepEqual(bounds({ untilCovered: true, minSeeds: "2000" }), [2_000, 10_000, ever, true]);
  assert.deepEqual(bounds({ untilCovered: true, seeds: "50" }), [50, 50, ever, true]);
});

Deno.test("one seed, or one plan", () => {
  assert.deepEqual(readOptions({ seed: "0", trace: true }, 1).what, { kind: "seed", seed: 0 });
  assert.deepEqual(readOptions({ plan: "x.json" }, 1).what, { kind: "plan", file: "x.json" });
});

const mistakes: [RawDstOptions, RegExp][] = [
  [{ seeds: "0" }, /--seeds needs a whole number from 1 to/],
  [{ seeds: "1e3" }, /not "1e3"/],
  [{ seed: "-1" }, /--seed needs a whole number from 0/],
  [{ seed: "9007199254740992" }, /--seed needs a whole number/],
  [{ firstSeed: "x" }, /--first-seed needs/],
  [{ jobs: "257" }, /--jobs needs a whole number from 1 to 256/],
  [{ maxFailures: "0" }, /--max-failures needs/],
  [{ time: "60" }, /--time needs a duration such as/],
  [{ time: "0s" }, /--time needs a duration/],
  [{ shrink: true, shrinkTime: "soon" }, /--shrink-time needs a duration/],
  [{ shrinkTime: "30s" }, /--shrink-time does nothing without --shrink/],
  [{ seedLimit: "" }, /--seed-limit needs a duration/],
  [{ seedLimit: "600h" }, /--seed-limit must be at most 24h/],
  [{ trace: true }, /--trace needs one run: --seed or --plan/],
  [{ maxSeeds: "5" }, /need --until-covered or --time/],
  [{ untilCovered: true, minSeeds: "9", maxSeeds: "8" }, /9 is more than the most, 8/],
];
for (const [raw, message] of mistakes) {
  Deno.test(`a mistake is one clear message: ${JSON.stringify(raw)}`, () => {
    assert.throws(() => readOptions(raw, 4), (error) => {
      assert.ok(error instanceof PartiError);
      assert.equal(error.code, "PARTI_INVALID_CONFIG");
      assert.match(error.message, message);
      return true;
    });
  });
}
