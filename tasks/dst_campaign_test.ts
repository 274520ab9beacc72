import assert from "node:assert/strict";
import { always, reachable } from "../lib/dst/assertions/catalog.ts";
import { emptySummary, type Summary } from "../lib/dst/summary.ts";
import { defineWorkload } from "../lib/dst/workload.ts";
import { type Batch, Campaign, type CampaignGoal } from "./dst_campaign.ts";
import { reportOf } from "./dst_report.ts";

const workload = defineWorkload({
  name: "fake",
  description: "for tests",
  assertions: { there: reachable("somebody gets there") },
  expand: () => ({ parameters: {}, operations: [], faults: [], buggify: {}, swarm: {} }),
  run: () => Promise.resolve(),
});

const failure = {
  kind: "crash" as const,
  check: "x",
  message: "",
  atMs: 0,
  stack: "",
  recent: [],
};

function summaryOf(runs: number, failed: number, there: number): Summary {
  const empty = emptySummary(workload.assertions);
  const tally = { ...empty.tallies["there"]!, evaluated: there, held: there };
  return { ...empty, runs, failed, tallies: { there: tally } };
}

interface Setting extends Partial<CampaignGoal> {
  /** Seeds that fail. */
  readonly fail?: (seed: number) => boolean;
  /** The seed that gets there. */
  readonly reach?: number;
  /** Seeds whose process is lost. */
  readonly lose?: readonly number[];
  /** How long each seed takes, in milliseconds. */
  readonly seedMs?: number;
}

/** Runs a campaign with one process that is not there. */
function play(setting: Setting) {
  const { fail = () => false, reach, lose = [], seedMs = 1, ...goal } = setting;
  let nowMs = 0;
  const campaign = new Campaign(
    workload,
    {
      firstSeed: 1,
      minSeeds: 1,
      maxSeeds: 1_000_000,
      untilCovered: false,
      timeMs: Number.POSITIVE_INFINITY,
      maxFailures: 5,
      ...goal,
    },
    1,
    () => nowMs,
  );
  const batches: Batch[] = [];
  const ran: number[] = [];
  const lost = new Set<number>();
  for (let batch = campaign.next(); batch !== undefined; batch = campaign.next()) {
    batches.push(batch);
    const seeds = Array.from({ length: batch.count }, (_, index) => batch.first + index);
    nowMs += seedMs * batch.count;
    const dies = seeds.find((seed) => lose.includes(seed) && !lost.has(seed));
    if (dies !== undefined) {
      lost.add(dies);
      campaign.lose(batch, { seed: dies, failure });
      continue;
    }
    ran.push(...seeds);
    const failed = seeds.filter(fail).map((seed) => ({ seed, failure }));
    const there = seeds.filter((seed) => seed === reach).length;
    campaign.commit(summaryOf(batch.count, failed.length, there), failed, seedMs * batch.count);
  }
  return { campaign, batches, ran };
}

const verdictOf = (campaign: Campaign, allowMisses = false) =>
  reportOf(campaign, allowMisses, () => "again").verdict;

Deno.test("a fixed number of seeds is run, each once, in growing batches", () => {
  const { campaign, batches, ran } = play({ firstSeed: 7, maxSeeds: 1_000, reach: 9 });
  assert.deepEqual(ran, Array.from({ length: 1_000 }, (_, index) => 7 + index));
  assert.equal(campaign.reason, "all seeds");
  assert.equal(verdictOf(campaign), "pass");
  assert.ok(batches.length < 20 && batches.every(({ count }) => count <= 500));
});

Deno.test("slow seeds go one by one", () => {
  const { batches } = play({ maxSeeds: 20, seedMs: 1_000 });
  assert.ok(batches.every(({ count }) => count === 1));
});

Deno.test("time ends it, but not before the least number of seeds", () => {
  const { campaign, ran } = play({ timeMs: 100, seedMs: 30 });
  assert.equal(campaign.reason, "time");
  assert.ok(ran.length >= 4 && ran.length < 20);
  assert.ok(play({ timeMs: 100, seedMs: 30, minSeeds: 50 }).ran.length >= 50);
});

Deno.test("until covered: from the least number on, as soon as all is reached", () => {
  const early = play({ untilCovered: true, minSeeds: 50, maxSeeds: 900, reach: 3 });
  assert.equal(early.campaign.reason, "covered");
  assert.equal(early.ran.length, 50);
  const late = play({ untilCovered: true, minSeeds: 50, maxSeeds: 900, reach: 60, seedMs: 1_000 });
  assert.deepEqual([late.campaign.reason, late.ran.length], ["covered", 60]);
  assert.equal(verdictOf(late.campaign), "pass");
});

Deno.test("the cap without coverage is a failure, unless misses are allowed", () => {
  const { campaign, ran } = play({ untilCovered: true, minSeeds: 5, maxSeeds: 40 });
  assert.equal(ran.length, 40);
  const report = reportOf(campaign, false, () => "again");
  assert.equal(report.verdict, "fail");
  assert.match(report.why, /^1 assertion not reached, and the cap of 40 seeds is reached$/);
  assert.equal(verdictOf(campaign, true), "pass");
});

Deno.test("an `always` that no run evaluated is a failure, whatever misses are allowed", () => {
  const goal = { firstSeed: 1, minSeeds: 1, maxSeeds: 1, untilCovered: false };
  const assertions = { ...workload.assertions, "nothing is lost": always("a promise") };
  const campaign = new Campaign(
    { ...workload, assertions },
    { ...goal, timeMs: Number.POSITIVE_INFINITY, maxFailures: 1 },
    1,
    () => 0,
  );
  campaign.next();
  campaign.commit({ ...emptySummary(assertions), runs: 1 }, [], 1);
  campaign.next();
  const { verdict, why } = reportOf(campaign, true, () => "again");
  assert.deepEqual([verdict, why], ["fail", "1 assertion not reached"]);
});

Deno.test("enough failures end it, and only the first are kept", () => {
  const { campaign, ran } = play({ maxFailures: 3, fail: (seed) => seed % 2 === 0, seedMs: 300 });
  assert.equal(campaign.reason, "failures");
  assert.ok(ran.length < 30);
  assert.deepEqual(campaign.failures.map(({ seed }) => seed), [2, 4, 6]);
  assert.equal(verdictOf(campaign), "fail");
});

Deno.test("a process that is lost costs its seed, and no other", () => {
  const { campaign, ran } = play({ maxSeeds: 200, lose: [17, 90], reach: 1 });
  const all = Array.from({ length: 200 }, (_, index) => index + 1);
  assert.deepEqual(ran.toSorted((a, b) => a - b), all.filter((seed) => seed !== 17 && seed !== 90));
  assert.deepEqual(campaign.failures.map(({ seed }) => seed), [17, 90]);
  assert.deepEqual([campaign.summary.runs, campaign.summary.failed], [200, 2]);
});

Deno.test("an interrupted campaign could not verify, unless it has seen a failure", () => {
  const { campaign } = play({ maxSeeds: 10 });
  campaign.interrupt();
  assert.equal(campaign.next(), undefined);
  assert.equal(verdictOf(campaign), "unknown");
  const failed = play({ maxSeeds: 10, fail: () => true }).campaign;
  failed.interrupt();
  assert.equal(verdictOf(failed), "fail");
});
