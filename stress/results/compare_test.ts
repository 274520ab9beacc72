import assert from "node:assert/strict";
import { Seeded } from "../../sim/seed/seeded.ts";
import { compareResults } from "./compare.ts";
import { median } from "../statistics/spread.ts";
import type { StressResult } from "./result.ts";
import { resultWith } from "./result_rig_test.ts";

/** A run of the suite: each figure scatters by a few per cent around what it truly is. */
function run(
  seed: number,
  truth: { heap?: number; start?: number; rate?: number } = {},
): StressResult {
  const { heap = 4, start = 900, rate = 50_000 } = truth;
  const chance = new Seeded(seed, "run");
  let draw = 0;
  const five = (value: number, scatter: number) =>
    Array.from({ length: 5 }, () => value * (1 + (chance.float(draw++) * 2 - 1) * scatter));
  return resultWith({
    "memory/50w-500p": { heap: five(heap, 0.02) },
    "scale/50w-500p": { start: five(start, 0.15), messages: five(300, 0.3) },
    "speed/consume": { rate: five(rate, 0.1) },
  });
}

const reasonsOf = (truth: Parameters<typeof run>[1], seed = 99) =>
  compareResults(run(1), run(seed, truth));

Deno.test("compare: repeats of the same pass, whatever the chances", () => {
  for (let seed = 2; seed < 202; seed++) {
    assert.deepEqual(compareResults(run(1), run(seed)).reasons, [], `seed ${seed}`);
  }
});

Deno.test("compare: planted: memory that has grown by 15 % fails, and is named", () => {
  for (let seed = 2; seed < 52; seed++) {
    const { verdict, reasons } = reasonsOf({ heap: 4 * 1.15 }, seed);
    assert.equal(verdict, "fail", `seed ${seed}`);
    assert.equal(reasons.length, 1);
    assert.match(reasons[0]!, /^memory\/50w-500p heap: \S+ → \S+ MB \(1\d %, tolerated 10 % ±/);
  }
});

Deno.test("compare: planted: a slowdown fails, of a duration as of a rate", () => {
  for (let seed = 2; seed < 52; seed++) {
    const slow = reasonsOf({ start: 900 * 2.2, rate: 50_000 / 2.2 }, seed);
    assert.equal(slow.verdict, "fail");
    assert.deepEqual(slow.reasons.map((reason) => reason.split(":")[0]), [
      "scale/50w-500p start",
      "speed/consume rate",
    ]);
  }
});

/** Three repetitions of a figure that scatters normally, above a baseline process that does so, too: what a whole run gives. */
function threeAbove(seed: number, truth: number, scatter: number, baseScatter: number) {
  const chance = new Seeded(seed, "three");
  let draw = 0;
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - chance.float(draw++))) *
    Math.cos(2 * Math.PI * chance.float(draw++));
  const three = (value: number, scatter: number) => [1, 2, 3].map(() => value + scatter * normal());
  const base = three(80, baseScatter);
  const values = three(80 + truth, scatter).map((value) => value - median(base));
  const { cases: [one], ...rest } = resultWith({ "memory/50w-500p": { heap: values } });
  const metrics = one!.metrics.map((metric) => ({ ...metric, base }));
  return { ...rest, cases: [{ ...one!, metrics }] };
}

const failuresOf = (truth: number, scatter: number, baseScatter: number) =>
  Array.from({ length: 400 }, (_, n) => {
    const before = threeAbove(2 * n, 20, scatter, baseScatter);
    return compareResults(before, threeAbove(2 * n + 1, truth, scatter, baseScatter)).verdict;
  }).filter((verdict) => verdict === "fail").length;

Deno.test("compare: of three repetitions each, above a baseline that scatters, repeats pass", () => {
  const failed = failuresOf(20, 1.5, 1.5);
  // Chance alone may exceed one side of a 95 % interval in 2.5 of a hundred, and a tenth more in fewer.
  assert.ok(failed <= 4, `${failed} of 400`);
});

Deno.test("compare: planted: of three repetitions each, above a baseline, growth of 15 % is found", () => {
  const failed = failuresOf(20 * 1.15, 0.1, 0.02);
  assert.ok(failed >= 396, `${failed} of 400`);
});

Deno.test("compare: five repeats of the same pass against a first one", () => {
  const first = threeAbove(1_000, 20, 0.3, 0.1);
  for (let n = 1_001; n <= 1_005; n++) {
    assert.equal(compareResults(first, threeAbove(n, 20, 0.3, 0.1)).verdict, "pass", `${n}`);
  }
});

/** As if the machine had had too much to do during one process of these cases. */
const loadedIn = (result: StressResult, ids: readonly string[]): StressResult => ({
  ...result,
  cases: result.cases.map((one) => ids.includes(one.id) ? { ...one, loadAverages: [1, 7.9] } : one),
});

Deno.test("compare: planted: durations of a case that was measured on a loaded machine are neither a pass nor a failure, memory and all other cases are judged", () => {
  const all = ["memory/50w-500p", "scale/50w-500p", "speed/consume"];
  for (const side of ["baseline", "result"]) {
    const of = (truth: Parameters<typeof run>[1], ids: readonly string[]) => {
      const [before, after] = [run(1), run(2, truth)];
      return side === "baseline"
        ? compareResults(loadedIn(before, ids), after)
        : compareResults(before, loadedIn(after, ids));
    };
    const was =
      `the ${side} was measured with a load average of 7.9 on 2 processors, more than 4, `;
    for (const truth of [{}, { start: 9_000, rate: 5_000 }]) {
      const { verdict, reasons } = of(truth, all);
      assert.equal(verdict, "unknown");
      assert.deepEqual(reasons, [
        `${was}in 2 cases (scale/50w-500p, …): 2 durations and rates are not judged`,
      ]);
    }
    assert.equal(of({ heap: 6 }, all).verdict, "fail");
    const one = of({ rate: 5_000 }, ["scale/50w-500p"]);
    assert.equal(one.verdict, "fail");
    assert.match(one.reasons[0]!, /^speed\/consume rate: /);
    assert.equal(one.reasons[1], `${was}in scale/50w-500p: 1 durations and rates are not judged`);
    // Nothing of such a case is timed.
    assert.equal(of({}, ["memory/50w-500p"]).verdict, "pass");
  }
});

Deno.test("compare: of a case that one process has measured it is said what its noise does not know", () => {
  const alone = (result: StressResult) => ({
    ...result,
    cases: result.cases.map((one) =>
      one.id === "speed/consume" ? { ...one, loadAverages: [1] } : one
    ),
  });
  for (const [before, after] of [[alone(run(1)), run(2)], [run(1), alone(run(2))]] as const) {
    const { verdict, notes } = compareResults(before, after);
    assert.equal(verdict, "pass");
    assert.match(notes.join(), /^one process has measured all rounds of speed\/consume: /);
  }
});

Deno.test("compare: what a case found to be wrong, on either side, is no pass", () => {
  const { cases: [one, ...others], ...rest } = run(2);
  const leaking = { ...rest, cases: [{ ...one!, problems: ["it leaks"] }, ...others] };
  assert.deepEqual(compareResults(run(1), leaking).reasons, [
    "the result has memory/50w-500p: it leaks",
  ]);
  assert.equal(compareResults(leaking, run(1)).verdict, "unknown");
});

Deno.test("compare: a baseline that does not tell what was taken off has to be made anew", () => {
  const old = resultWith({ "memory/50w-500p": { heap: [20, 20, 20] } });
  const { verdict, reasons } = compareResults(old, threeAbove(3, 20, 0.1, 0.1));
  assert.equal(verdict, "unknown");
  assert.match(reasons[0]!, /heap: only one of both tells what was taken off/);
});

Deno.test("compare: what is tolerated or better passes, and so does what is only counted", () => {
  assert.equal(reasonsOf({ heap: 4 * 1.05, start: 900 * 1.3 }).verdict, "pass");
  assert.equal(reasonsOf({ heap: 2, start: 300, rate: 500_000 }).verdict, "pass");
  const many = resultWith({ "scale/50w-500p": { messages: [900, 901, 902] } });
  const few = resultWith({ "scale/50w-500p": { messages: [300, 301, 302] } });
  const { verdict, changes } = compareResults(few, many);
  assert.equal(verdict, "pass");
  assert.equal(changes[0]!.outcome, "changed");
});

Deno.test("compare: a change too small to be seen is none, however large its share", () => {
  const [before, after] = [[0.01, 0.01, 0.01], [0.03, 0.03, 0.03]].map((heap) =>
    resultWith({ "memory/1w-100p": { heap } })
  );
  assert.equal(compareResults(before!, after!).verdict, "pass");
});

/** Five processes of an assignment: of what takes 2 ms one may take 1.1 and another 3.2. */
const fiveOf = (seed: number, factor: number) => {
  const chance = new Seeded(seed, "five");
  const start = [0, 1, 2, 3, 4].map((draw) => factor * (1.1 + 2.1 * chance.float(draw)));
  return resultWith({ "speed/assignment": { start } });
};

Deno.test("compare: planted: what takes 2 ms and then 8 fails, and what scatters about 2 ms passes", () => {
  const seeds = Array.from({ length: 200 }, (_, n) => 2 * n);
  const verdicts = (factor: number) =>
    seeds.map((seed) => compareResults(fiveOf(seed, 1), fiveOf(seed + 1, factor)).verdict);
  assert.deepEqual(verdicts(1).filter((verdict) => verdict !== "pass"), []);
  // Four times as long scatters four times as much: of five so unequal ones the noise may hide it.
  const found = verdicts(4).filter((verdict) => verdict === "fail").length;
  assert.ok(found >= 190, `${found} of 200`);
  const start = [2, 2.1, 1.9];
  const [before, after] = [start, start.map((ms) => ms * 4)].map((start) =>
    resultWith({ "speed/assignment": { start } })
  );
  assert.match(compareResults(before!, after!).reasons.join(), /start: 2 → 8 ms \(300 %/);
});

Deno.test("compare: a short duration has to double, or to take 20 ms more", () => {
  const outcomeOf = (before: number, after: number) =>
    compareResults(
      resultWith({ "scale/a": { start: [before, before, before] } }),
      resultWith({ "scale/a": { start: [after, after, after] } }),
    ).changes[0]!.outcome;
  assert.equal(outcomeOf(2, 3.9), "same");
  assert.equal(outcomeOf(2, 4.1), "worse");
  assert.equal(outcomeOf(30, 49), "same");
  assert.equal(outcomeOf(30, 51), "worse");
});

Deno.test("compare: what was nothing and is nothing is the same; what was nothing and is much is worse", () => {
  const [none, much] = [[0, 0, 0], [1, 1, 1]].map((heap) =>
    resultWith({ "memory/1w-100p": { heap, messages: heap } })
  );
  assert.deepEqual(compareResults(none!, none!).changes.map(({ outcome }) => outcome), [
    ...["same", "same"],
  ]);
  const { verdict, changes } = compareResults(none!, much!);
  assert.equal(verdict, "fail");
  assert.deepEqual(changes.map(({ outcome }) => outcome), ["worse", "changed"]);
});

Deno.test("compare: noise that hides what it is to find is told", () => {
  const noisy = resultWith({ "memory/1w-100p": { heap: [1, 2, 3, 4, 5] } });
  const { verdict, notes } = compareResults(noisy, noisy);
  assert.equal(verdict, "pass");
  assert.match(notes.join(), /of 1 figures the noise is more than is tolerated.*1w-100p heap/);
});

Deno.test("compare: another machine, a missing case or figure, too few repetitions are not verified", () => {
  const before = run(1);
  const unknown = (after: StressResult, reason: RegExp, from = before) => {
    const { verdict, reasons } = compareResults(from, after);
    assert.equal(verdict, "unknown");
    assert.match(reasons.join("\n"), reason);
  };
  const machine = { ...before.machine, cpus: 64 };
  unknown({ ...run(2, { heap: 9 }), machine }, /another machine: number of processors: 2 and 64/);
  const [memory, ...others] = run(2).cases;
  unknown({ ...before, cases: others }, /memory\/50w-500p is missing/);
  unknown({ ...before, cases: [{ ...memory!, metrics: [] }, ...others] }, /heap is missing/);
  const once = resultWith({ "memory/50w-500p": { heap: [4, 4] } });
  unknown(once, /1 figures have too few repetitions/, once);
  unknown(resultWith({}), /nothing that both/, resultWith({}));
  unknown({ ...run(2), quick: true }, /only a sanity check/);
});

Deno.test("compare: what a run was not asked for is one note and no doubt; what it was and is not there is one", () => {
  const { cases, ...rest } = run(2);
  const part = (...names: string[]): StressResult => ({
    ...{ ...rest, cases: cases.slice(0, 1) },
    arguments: ["stress", ...names.flatMap((name) => ["--only", name]), "--seed", "2"],
  });
  const memory = compareResults(run(1), part("memory"));
  assert.deepEqual([memory.verdict, memory.reasons], ["pass", []]);
  assert.deepEqual(memory.notes, [
    "2 cases of the baseline were not asked for: scale/50w-500p, speed/consume",
  ]);
  const broken = compareResults(run(1), part("memory", "scale/50w-500p"));
  assert.deepEqual([broken.verdict, broken.reasons], ["unknown", ["scale/50w-500p is missing"]]);
  assert.deepEqual(broken.notes, ["1 cases of the baseline were not asked for: speed/consume"]);
});

Deno.test("compare: a regression is one although something else is missing", () => {
  const { cases, ...rest } = run(3, { heap: 6 });
  const { verdict, reasons } = compareResults(run(1), { ...rest, cases: cases.slice(0, 1) });
  assert.equal(verdict, "fail");
  assert.match(reasons[0]!, /heap/);
  assert.ok(reasons.some((reason) => reason.endsWith("is missing")));
});

Deno.test("compare: other versions and new cases are told", () => {
  const after = run(2);
  const newer = { ...after, machine: { ...after.machine, denoVersion: "3.0.0" } };
  const { notes, verdict } = compareResults(
    { ...run(1), cases: run(1).cases.slice(0, 2) },
    newer,
  );
  assert.equal(verdict, "pass");
  assert.deepEqual(notes, ["Deno was 2.9.6 and is 3.0.0", "not in the baseline: speed/consume"]);
});

Deno.test("compare: planted: a baseline that is none, by whatever path it is named, and what broke off on either side, is no pass", () => {
  const good = run(1);
  const reasons = (baseline: object, result: object) =>
    compareResults({ ...good, ...baseline }, { ...good, ...result }).reasons;
  // What was planted in both would hide behind itself.
  assert.deepEqual(reasons({ fault: "memory" }, { fault: "memory" }), [
    "the baseline has the planted defect memory",
  ]);
  assert.deepEqual(reasons({ quick: true }, {}), ["the baseline is only a sanity check"]);
  assert.deepEqual(reasons({}, { unfinished: "it was interrupted" }), [
    "the result is not all that was to be measured: it was interrupted",
  ]);
  assert.equal(reasons({ unfinished: "it was interrupted" }, {}).length, 1);
});

Deno.test("compare: a figure that the baseline does not have is told, as a case is", () => {
  const before = resultWith({ "memory/a": { heap: [5, 5, 5] } });
  const after = resultWith({ "memory/a": { heap: [5, 5, 5], start: [9, 9, 9] } });
  const { verdict, notes } = compareResults(before, after);
  assert.equal(verdict, "pass");
  assert.deepEqual(notes, ["not in the baseline: memory/a start"]);
});

Deno.test("compare: planted: time that other machines of the host took, which no load average shows, is told", () => {
  const good = run(1);
  const stolen = { ...good, load: { ...good.load, stolenPart: 0.12 } };
  assert.deepEqual(compareResults(good, stolen).notes, [
    "the result was measured while 12 % of the processors' time was taken by others: times say as much of that",
  ]);
  assert.deepEqual(compareResults(good, good).notes, []);
});
