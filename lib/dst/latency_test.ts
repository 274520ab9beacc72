/** Delays look as they are said to, and none is longer than the bound. */
import assert from "node:assert/strict";
import { Draws } from "./draw.ts";
import { LATENCY_SHAPES, latencyOf, type LatencyShape } from "./latency.ts";

const MAX_MS = 40;
const COUNT = 20_000;

function sample(shape: LatencyShape, link = "a#1"): number[] {
  const next = latencyOf(shape, MAX_MS, new Draws(1, "own", link));
  const draws = new Draws(1, "link", link);
  return Array.from({ length: COUNT }, () => next(draws)).sort((a, b) => a - b);
}

/** The delay that this share of the messages does not exceed. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))]!;
}

function share(sorted: readonly number[], from: number, to: number): number {
  return sorted.filter((ms) => ms >= from * MAX_MS && ms < to * MAX_MS).length / sorted.length;
}

for (const shape of LATENCY_SHAPES) {
  Deno.test(`${shape}: above nothing, within the bound, and the same again`, () => {
    const sorted = sample(shape);
    assert.ok(sorted[0]! > 0 && sorted.at(-1)! <= MAX_MS);
    assert.deepEqual(sample(shape), sorted);
  });
}

Deno.test("uniform: no delay is likelier than another", () => {
  const sorted = sample("uniform");
  for (const at of [0.1, 0.4, 0.7]) {
    assert.ok(Math.abs(share(sorted, at, at + 0.3) - 1 / 3) < 0.02, String(at));
  }
});

Deno.test("exponential: most are short, and the tail is long", () => {
  const sorted = sample("exponential");
  assert.ok(quantile(sorted, 0.5) < 0.3 * MAX_MS);
  assert.ok(quantile(sorted, 0.999) > 0.9 * MAX_MS);
});

Deno.test("two-humped: short ones and long ones, and nothing in between", () => {
  const sorted = sample("two-humped");
  assert.equal(share(sorted, 0.26, 0.79), 0);
  assert.ok(Math.abs(share(sorted, 0.79, 1.01) - 0.3) < 0.02);
});

Deno.test("per-link: each connection has a delay of its own", () => {
  const links = Array.from({ length: 40 }, (_, n) => sample("per-link", `worker-${n}#1`));
  const most = links.map((sorted) => sorted.at(-1)! / MAX_MS);
  assert.ok(most.some((one) => one < 0.25) && most.some((one) => one > 0.8));
  const holes = links.filter((sorted, n) => {
    const farMs = most[n]! * MAX_MS;
    return !sorted.some((ms) => ms > 0.3 * farMs && ms < 0.75 * farMs);
  });
  assert.ok(holes.length > 0 && holes.length < links.length, "humps on some, none on others");
});
