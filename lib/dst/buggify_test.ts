import assert from "node:assert/strict";
import { NO_BUGGIFY } from "../ports/buggify.ts";
import { asMergedSites, Buggifier, drawSites, mergeSites } from "./buggify.ts";

const seeds = Array.from({ length: 400 }, (_, seed) => seed);
const times = (count: number) => Array.from({ length: count });

function between(value: number, min: number, max: number): void {
  assert.ok(value >= min && value <= max, `${value} is not from ${min} to ${max}`);
}

Deno.test("in production nothing misbehaves", () => {
  assert.equal(NO_BUGGIFY("site"), false);
  assert.equal(NO_BUGGIFY("site", 1), false);
});

Deno.test("a site is active in about half of all runs, and then fires on a quarter of its calls", () => {
  let active = 0;
  let fired = 0;
  for (const seed of seeds) {
    const buggifier = new Buggifier({ seed, active: {} });
    for (const _ of times(50)) buggifier.buggify("late");
    const late = buggifier.report()["late"]!;
    assert.equal(late.calls, 50);
    if (!late.active) assert.equal(late.fired, 0);
    if (late.active) active++;
    fired += late.fired;
  }
  between(active / seeds.length, 0.42, 0.58);
  between(fired / (active * 50), 0.23, 0.27);
});

Deno.test("the plan decides which sites are active, and the call how often they fire", () => {
  const buggifier = new Buggifier({ seed: 1, active: { on: true, off: false } });
  for (const _ of times(100)) {
    assert.equal(buggifier.buggify("on", 1), true);
    assert.equal(buggifier.buggify("on", 0), false);
    assert.equal(buggifier.buggify("off", 1), false);
  }
  assert.deepEqual(buggifier.report(), {
    off: { active: false, calls: 100, fired: 0 },
    on: { active: true, calls: 200, fired: 100 },
  });
});

Deno.test("with the family off, only what the plan names is on", () => {
  for (const seed of seeds.slice(0, 20)) {
    const buggifier = new Buggifier({ seed, active: { on: true }, drawOthers: false });
    assert.equal(buggifier.buggify("on", 1), true);
    assert.equal(buggifier.buggify("other", 1), false);
  }
});

Deno.test("who else asks, and what else, changes no answer", () => {
  const answers = (others: boolean) => {
    const buggifier = new Buggifier({ seed: 7, active: { a: true, b: true } });
    const mine = buggifier.for("worker-1#1");
    return times(200).map(() => {
      if (others) {
        buggifier.for("worker-2#1")("a");
        mine("b");
        buggifier.knob("k", 1, 0, 9, "worker-1#1");
      }
      return mine("a");
    });
  };
  assert.deepEqual(answers(true), answers(false));
});

Deno.test("a site that fires is told", () => {
  const told: string[] = [];
  const onFired = (entity: string, site: string) => void told.push(`${entity} ${site}`);
  const buggifier = new Buggifier({ seed: 1, active: { a: true, b: false }, onFired });
  buggifier.for("w")("a", 1);
  buggifier.for("w")("b", 1);
  assert.deepEqual(told, ["w a"]);
});

Deno.test("a knob is usual, at an end, or in between", () => {
  const seen = new Set<number>();
  let usual = 0;
  for (const seed of seeds) {
    const value = new Buggifier({ seed, active: { size: true } }).knob("size", 100, 1, 1_000);
    assert.ok(Number.isInteger(value) && value >= 1 && value <= 1_000);
    if (value === 100) usual++;
    seen.add(value);
  }
  between(usual / seeds.length, 0.7, 0.8);
  assert.ok(seen.has(1) && seen.has(1_000) && seen.size > 20);
  const off = new Buggifier({ seed: 1, active: { size: false } });
  for (const _ of times(50)) assert.equal(off.knob("size", 100, 1, 1_000), 100);
  const real = new Buggifier({ seed: 1, active: { rate: true } });
  const values = times(200).map(() => real.knob("rate", 0.5, 0, 1));
  assert.ok(values.some((value) => !Number.isInteger(value * 2)));
});

Deno.test("reports of runs are put together", () => {
  const a = asMergedSites({ x: { active: true, calls: 5, fired: 2 } });
  const b = asMergedSites({
    x: { active: false, calls: 3, fired: 0 },
    y: { active: true, calls: 1, fired: 1 },
  });
  const both = {
    x: { runs: 2, activeRuns: 1, calls: 8, fired: 2 },
    y: { runs: 1, activeRuns: 1, calls: 1, fired: 1 },
  };
  assert.deepEqual(mergeSites(a, b), both);
  assert.deepEqual(mergeSites(b, a), both);
});

Deno.test("sites that are drawn beforehand are those that would be active anyway", () => {
  const names = ["late", "lost", "early"];
  for (const seed of seeds) {
    const buggifier = new Buggifier({ seed, active: {} });
    for (const name of names) buggifier.buggify(name);
    const met = Object.entries(buggifier.report()).map(([name, { active }]) => [name, active]);
    assert.deepEqual(drawSites(seed, names), Object.fromEntries(met));
  }
});
