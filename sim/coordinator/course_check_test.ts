import assert from "node:assert/strict";
import { parse } from "valibot";
import type { PlannedChaos } from "../chaos/chaos_plan.ts";
import { simulationSchema } from "../config/config_schema.ts";
import type { ChaosRecord } from "../report/report.ts";
import { PartitionSet } from "../run/partition_set.ts";
import { chaosDoubts, loadDoubts, type LoadFacts } from "./course_check.ts";

const SECOND_US = 1_000_000;

/** Two producers of 50 msg/s each, from 100 s to 110.5 s: 10 s count, since reports are late. */
function facts(changes: Partial<LoadFacts> = {}): LoadFacts {
  return {
    config: parse(simulationSchema, {
      simulation: { duration: "10s" },
      partitions: { count: 10, message_rate_per_partition: 10 },
      producers: { count: 2 },
    }),
    seed: 1,
    phase: { fromUs: 100 * SECOND_US, untilUs: 110.5 * SECOND_US },
    sent: 1_000,
    producers: [0, 1].map((index) => ({ index, readyUs: 90 * SECOND_US, endedUs: undefined })),
    outages: [],
    ...changes,
  };
}

Deno.test("course: all of the load, or enough of it, is no doubt", () => {
  assert.deepEqual(loadDoubts(facts()), []);
  assert.deepEqual(loadDoubts(facts({ sent: 800 })), []);
});

Deno.test("course: planted: too little load is a doubt", () => {
  assert.deepEqual(loadDoubts(facts({ sent: 799 })), [
    "only 79 % of the load was reached: 799 of 1000 messages",
  ]);
});

Deno.test("course: planted: a load that ends too soon is a doubt", () => {
  const phase = { fromUs: 100 * SECOND_US, untilUs: 109.8 * SECOND_US };
  assert.deepEqual(loadDoubts(facts({ phase })), ["the load lasted 9.8s instead of 10s"]);
});

Deno.test("course: what a killed producer and an absent server could not do was not asked for", () => {
  const killed = [
    { index: 0, readyUs: 90 * SECOND_US, endedUs: 102 * SECOND_US },
    { index: 1, readyUs: 90 * SECOND_US, endedUs: undefined },
    { index: 0, readyUs: 107 * SECOND_US, endedUs: undefined },
  ];
  assert.deepEqual(loadDoubts(facts({ producers: killed, sent: 600 })), []);
  assert.equal(loadDoubts(facts({ producers: killed, sent: 599 })).length, 1);
  // Both at once are not counted twice.
  const outages = [{ fromUs: 103 * SECOND_US, untilUs: 106 * SECOND_US }];
  assert.deepEqual(loadDoubts(facts({ producers: killed, outages, sent: 480 })), []);
  assert.equal(loadDoubts(facts({ producers: killed, outages, sent: 479 })).length, 1);
});

Deno.test("course: planted: a producer that does not come back is missing", () => {
  const phase = { fromUs: 100 * SECOND_US, untilUs: 140.5 * SECOND_US };
  const gone = [
    { index: 0, readyUs: 90 * SECOND_US, endedUs: 101 * SECOND_US },
    { index: 1, readyUs: 90 * SECOND_US, endedUs: undefined },
  ];
  const [doubt] = loadDoubts(facts({ phase, producers: gone, sent: 2_050 }));
  assert.equal(doubt, "only 58 % of the load was reached: 2050 of 3500 messages");
});

/** Rates from once to three times the average. */
function varied(ramp_interval: number): LoadFacts["config"] {
  const { config } = facts();
  const rate_variation = {
    ...config.producers.rate_variation,
    ...{ enabled: true, min_multiplier: 1, max_multiplier: 3, ramp_interval },
  };
  return { ...config, producers: { ...config.producers, rate_variation } };
}

Deno.test("course: rates that vary are asked for as they vary", () => {
  const config = varied(10_000);
  assert.deepEqual(loadDoubts(facts({ config, sent: 1_601 })), []);
  assert.equal(loadDoubts(facts({ config, sent: 1_599 })).length, 1);
});

Deno.test("course: rates go on to vary while a producer or the server is away: what was missed at their height was not asked for", () => {
  // Highest after 4 s: 16 s at the average before, of which 5.5 s are missed; and 3 s after 8 s.
  const outages = [{ fromUs: 103 * SECOND_US, untilUs: 105 * SECOND_US }];
  const low = { config: varied(4_000), outages };
  assert.deepEqual(loadDoubts(facts({ ...low, sent: 0.8 * 1_350 + 1 })), []);
  assert.equal(loadDoubts(facts({ ...low, sent: 0.8 * 1_350 - 1 })).length, 1);
  // Half of the load is gone for the lower half of the only ramp: 15 s and 12.5 s of it are left.
  const killed = [
    { index: 0, readyUs: 90 * SECOND_US, endedUs: 100 * SECOND_US },
    { index: 1, readyUs: 90 * SECOND_US, endedUs: undefined },
    { index: 0, readyUs: 105 * SECOND_US, endedUs: undefined },
  ];
  const high = { config: varied(10_000), producers: killed };
  assert.deepEqual(loadDoubts(facts({ ...high, sent: 0.8 * (1_000 + 625) + 1 })), []);
  assert.equal(loadDoubts(facts({ ...high, sent: 0.8 * (1_000 + 625) - 1 })).length, 1);
});

Deno.test("course: load is asked for partitions only while they are there", () => {
  const partitions = new PartitionSet(new Array(10).fill(1));
  // 10 s of ten partitions, half of that for what goes after 5 s, and 2 s of what comes for so long.
  partitions.add([1, 1], 108 * SECOND_US);
  partitions.retire([0, 1, 2, 3], 105 * SECOND_US);
  const asked = 600 + 200 + 40;
  assert.deepEqual(loadDoubts(facts({ partitions, sent: 0.8 * asked })), []);
  assert.deepEqual(loadDoubts(facts({ partitions, sent: 0.8 * asked - 1 })), [
    `only 79 % of the load was reached: ${0.8 * asked - 1} of ${asked} messages`,
  ]);
});

const planned = [
  { number: 1, type: "scale_up" },
  { number: 2, type: "worker_crash" },
] as PlannedChaos[];
function record(skipped?: string, type: ChaosRecord["type"] = "scale_up"): ChaosRecord {
  const moves = { total: 0, needed: 0 };
  const rest = skipped === undefined ? {} : { skipped };
  const what = { number: 1, atMs: 1, type, target: "" };
  return { ...what, recoveredMs: null, wholeMs: null, moves, ...rest };
}

Deno.test("course: chaos that was done, or some of it skipped for a reason, is no doubt", () => {
  assert.deepEqual(chaosDoubts([], []), []);
  assert.deepEqual(chaosDoubts(planned, [record(), record()]), []);
  assert.deepEqual(chaosDoubts(planned, [record("too few workers"), record()]), []);
});

Deno.test("course: planted: chaos that never came, or only by name, is a doubt", () => {
  assert.deepEqual(chaosDoubts(planned, [record()]), [
    "1 of 2 planned chaos events were neither done nor skipped",
  ]);
  assert.deepEqual(chaosDoubts(planned, [record("too few workers"), record("no producer runs")]), [
    "only 0 of 2 planned chaos events were done: too few workers, no producer runs",
  ]);
  assert.equal(chaosDoubts(planned, []).length, 1);
  const three = [...planned, { number: 3, type: "scale_up" }] as PlannedChaos[];
  const skipped = record("too few workers");
  assert.deepEqual(chaosDoubts(three, [skipped, record(), skipped]), [
    "only 1 of 3 planned chaos events were done: too few workers",
  ]);
});

Deno.test("course: planted: a kind that was planned again and again and never done is a doubt, whatever else was done", () => {
  const more = [...planned, ...planned, { number: 5, type: "scale_up" }] as PlannedChaos[];
  const done = [record(), record(), record()];
  const cannot = record("too few workers", "worker_crash");
  assert.deepEqual(chaosDoubts(more, [...done, cannot, cannot]), [
    "no worker_crash of 2 planned was done: too few workers",
  ]);
  assert.deepEqual(chaosDoubts(more, [...done, cannot, record(undefined, "worker_crash")]), []);
});
