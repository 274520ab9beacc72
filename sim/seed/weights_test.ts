import assert from "node:assert/strict";
import { parseConfig } from "../config/config.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import {
  addedRate,
  addedWeight,
  averageMs,
  fastestRate,
  partitionRates,
  partitionWeights,
  producerOfAdded,
  producerShares,
  rateMultiplier,
} from "./weights.ts";

function configWith(...sets: string[]): SimulationConfig {
  return parseConfig("", "my.yaml", sets.map((set) => ({ set, shown: set }))).config;
}

const exponential = configWith(
  "partitions.count=1500",
  "partitions.distribution=exponential",
  "partitions.message_rate_per_partition=0.067",
).partitions;
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

Deno.test("weights: 5 % are extreme, the same for the same seed, others for another", () => {
  const weights = partitionWeights(exponential, 1);
  assert.equal(weights.length, 1_500);
  assert.equal(weights.filter((weight) => weight === 100).length, 75);
  assert.equal(weights.filter((weight) => weight === 1).length, 1_425);
  assert.deepEqual(weights, partitionWeights(exponential, 1));
  assert.notDeepEqual(weights, partitionWeights(exponential, 2));
  assert.notEqual(weights.lastIndexOf(100), 74, "not simply the first ones");
});

Deno.test("weights: uniform is 1 everywhere", () => {
  const { partitions } = configWith();
  assert.deepEqual(partitionWeights(partitions, 1), new Array(100).fill(1));
});

Deno.test("rates: the extreme 5 % get 84 % of the traffic, the total stays", () => {
  const weights = partitionWeights(exponential, 1);
  const rates = partitionRates(weights, 0.067);
  assert.ok(Math.abs(sum(rates) - 100.5) < 1e-9, String(sum(rates)));
  const hot = sum(rates.filter((_, partition) => weights[partition] === 100));
  assert.ok(Math.abs(hot / sum(rates) - 0.84) < 0.005, String(hot / sum(rates)));
});

Deno.test("producers: every partition once, loads even, uniform is round robin", () => {
  const weights = partitionWeights(exponential, 1);
  const shares = producerShares(weights, { count: 10 });
  assert.deepEqual(shares.flat().toSorted((a, b) => a - b), weights.map((_, index) => index));
  const loads = shares.map((share) => sum(share.map((partition) => weights[partition]!)));
  assert.ok(Math.max(...loads) / Math.min(...loads) < 1.02, loads.join());
  assert.deepEqual(producerShares([1, 1, 1, 1, 1], { count: 2 }), [[0, 2, 4], [1, 3]]);
  const capped = producerShares(weights, { count: 10, partitions_per_producer: 150 });
  assert.deepEqual(capped.map(({ length }) => length), new Array(10).fill(150));
  assert.deepEqual(capped.flat().toSorted((a, b) => a - b), weights.map((_, index) => index));
});

Deno.test("rate variation: ramps up and down between its bounds", () => {
  const variation = configWith(
    "producers.rate_variation.enabled=true",
    "producers.rate_variation.ramp_interval=10s",
  ).producers.rate_variation;
  const at = (ms: number) => rateMultiplier(variation, ms);
  assert.deepEqual([0, 5_000, 10_000, 15_000, 20_000].map(at), [0.5, 1.25, 2, 1.25, 0.5]);
  assert.equal(rateMultiplier({ ...variation, enabled: false }, 5_000), 1);
});

Deno.test("rate variation: what is sent in a time is what the multipliers of all its moments say", () => {
  const variation = configWith(
    "producers.rate_variation.enabled=true",
    "producers.rate_variation.ramp_interval=10s",
  ).producers.rate_variation;
  const stepMs = 1;
  for (const [fromMs, untilMs] of [[0, 10_000], [0, 7_000], [3_000, 14_000], [12_500, 98_000]]) {
    let summedMs = 0;
    for (let atMs = fromMs!; atMs < untilMs!; atMs += stepMs) {
      summedMs += stepMs * rateMultiplier(variation, atMs + stepMs / 2);
    }
    const difference = averageMs(variation, fromMs!, untilMs!) - summedMs;
    assert.ok(Math.abs(difference) < 1, `${fromMs} ${untilMs} ${difference}`);
  }
  assert.equal(averageMs({ ...variation, enabled: false }, 3_000, 14_000), 11_000);
});

Deno.test("partitions that come: extreme by the same chance, as fast for their weight as the others, each with one producer", () => {
  const added = Array.from({ length: 2_000 }, (_, index) => 1_500 + index);
  const weights = added.map((partition) => addedWeight(exponential, 1, partition));
  const extreme = weights.filter((weight) => weight === 100).length;
  assert.ok(extreme > 60 && extreme < 140, String(extreme));
  assert.deepEqual(weights, added.map((partition) => addedWeight(exponential, 1, partition)));
  assert.notDeepEqual(weights, added.map((partition) => addedWeight(exponential, 2, partition)));
  const known = partitionWeights(exponential, 1);
  const rates = partitionRates(known, exponential.message_rate_per_partition);
  const hot = added[weights.indexOf(100)]!;
  const expected = rates[known.indexOf(100)]!;
  assert.ok(Math.abs(addedRate(exponential, 1, hot) - expected) < 1e-9);
  assert.equal(addedWeight(configWith().partitions, 1, 100), 1);
  assert.deepEqual(added.slice(0, 4).map((one) => producerOfAdded(one, 3)), [0, 1, 2, 0]);
});

Deno.test("rates: the fastest that any partition can come to have is known before the run", () => {
  const varied = [
    "producers.rate_variation.enabled=true",
    "producers.rate_variation.max_multiplier=50",
  ];
  const few = ["partitions.count=8", "partitions.distribution=exponential", "producers.count=2"];
  const rate = (grows: boolean, ...sets: string[]) => {
    return fastestRate(configWith("partitions.message_rate_per_partition=2", ...sets), 1, grows);
  };
  assert.equal(rate(true), 2);
  assert.equal(rate(true, ...varied), 100);
  // Of eight none is extreme, and one that comes may be a hundred times as heavy.
  assert.equal(rate(false, ...few), 2);
  assert.equal(rate(true, ...few), 200);
  assert.equal(rate(true, ...few, ...varied), 10_000);
  assert.equal(rate(true, ...few, "partitions.weights.exponential.extreme_percent=0"), 2);
  const all = ["extreme_percent=1", "normal_weight=200"];
  const none = all.map((set) => `partitions.weights.exponential.${set}`);
  assert.equal(rate(true, ...few, ...none), 2, "none that comes is of the heavier normal ones");
});
