/**
 * Makes a result of what the processes have measured.
 *
 * @module
 */
import { wasOverloaded } from "./load_bound.ts";
import type { CaseOutcome, Metric, Sample, StressCase, Study, Target } from "../case.ts";
import { idOf, takenOff } from "../case.ts";
import type { MeasuredCase } from "../run/runner.ts";
import { fitLine, fitPower } from "../statistics/least_squares.ts";
import { median, spreadOf } from "../statistics/spread.ts";
import type { CaseResult, MetricResult, StudyResult, Values, Verdict } from "./result.ts";

/**
 * Makes the results of all cases.
 *
 * @param measured what was measured
 * @param quick whether it was only a sanity check, which is not held to bounds of the full size
 * @returns a result for each
 */
export function caseResults(measured: readonly MeasuredCase[], quick = false): CaseResult[] {
  return measured.map((one) => {
    const { stressCase, outcomes, failures, loadAverages } = one;
    const outcomesOf = (name: string) =>
      measured.find(({ stressCase: { group, name: other } }) =>
        group === stressCase.group && name === other
      )?.outcomes ?? [];
    const metrics = metricResults(
      quick ? withoutFullBounds(stressCase) : stressCase,
      outcomes,
      outcomesOf,
    );
    const notes = [...new Set(outcomes.flatMap(({ notes }) => notes ?? []))];
    return {
      id: idOf(stressCase),
      title: stressCase.title,
      ...(stressCase.size === undefined ? {} : { size: stressCase.size }),
      metrics,
      series: outcomes.flatMap(({ series }) => series ?? []),
      problems: [...new Set(outcomes.flatMap(({ problems }) => problems ?? []))],
      ...(notes.length === 0 ? {} : { notes }),
      failures: [
        ...failures,
        ...missing(stressCase, outcomes, metrics),
        ...(outcomes.length === 0 && failures.length === 0 ? ["it was not run"] : []),
      ],
      loadAverages,
    };
  });
}

/** What the processes of a case should have told and have not, with the reason. */
function missing(
  stressCase: StressCase,
  outcomes: readonly CaseOutcome[],
  results: readonly MetricResult[],
): string[] {
  if (outcomes.length === 0) return [];
  const without = new Map<string, string[]>();
  const why: string[] = [];
  for (const metric of stressCase.metrics) {
    const { name, limit, share } = metric;
    const result = results.find((one) => one.name === name);
    if (result !== undefined) {
      const isAlone = limit !== undefined && result.ratio === undefined;
      if (isAlone) why.push(`${name} was not measured beside its limit`);
      const told = outcomes.filter((one) => tells(one, name)).length;
      if (share === undefined && told < outcomes.length) {
        why.push(`${name} was measured by ${told} of ${outcomes.length} processes only`);
      }
      continue;
    }
    // Of what is missing each part would be.
    if (share !== undefined && !results.some((one) => one.name === share.of)) continue;
    const off = takenOff(stressCase, metric);
    if (off === undefined || readingsOf(outcomes, name).length === 0) {
      why.push(`${name} was not measured`);
    } else without.set(off, [...without.get(off) ?? [], name]);
  }
  for (const [off, names] of without) {
    const baseline = idOf({ group: stressCase.group, name: off });
    why.push(`its baseline was not measured, ${baseline}: no ${names.join(", ")}`);
  }
  return why;
}

function tells({ samples }: CaseOutcome, name: string): boolean {
  return samples.some(({ metric }) => metric === name);
}

function withoutFullBounds(stressCase: StressCase): StressCase {
  const metrics = stressCase.metrics.map(({ target, ...metric }) => ({
    ...metric,
    ...(target === undefined || target.full === true ? {} : { target }),
  }));
  return { ...stressCase, metrics };
}

function metricResults(
  stressCase: StressCase,
  outcomes: readonly CaseOutcome[],
  outcomesOf: (name: string) => readonly CaseOutcome[],
): MetricResult[] {
  const results = new Map<string, MetricResult>();
  for (const metric of stressCase.metrics) {
    const { name, share } = metric;
    if (share !== undefined) {
      const whole = results.get(share.of);
      const values = whole?.values.map((value) => value / share.by) ?? [];
      const base = whole?.base?.map((value) => value / share.by);
      if (values.length > 0) results.set(name, resultOf(metric, values, [], base));
      continue;
    }
    const readings = readingsOf(outcomes, name);
    const off = takenOff(stressCase, metric);
    const base = off === undefined
      ? undefined
      : readingsOf(outcomesOf(off), name).map(({ value }) => value);
    if (readings.length === 0 || base?.length === 0) continue;
    const level = base === undefined ? 0 : median(base);
    const values = readings.map(({ value }) => value - level);
    results.set(name, resultOf(metric, values, readings, base));
  }
  return [...results.values()];
}

/** A value of a figure, and what stands beside it. */
interface Reading {
  readonly value: number;
  readonly beside: { readonly limit: number; readonly ratio: number } | undefined;
}

/**
 * One for each process, the median of its rounds: those of one process are more alike than two processes are. Where there is a single one its
 * rounds are all there is, and `compare` says so.
 */
function readingsOf(outcomes: readonly CaseOutcome[], name: string): Reading[] {
  const processes = outcomes
    .map(({ samples }) => samples.filter(({ metric }) => metric === name))
    .filter((samples) => samples.length > 0);
  if (processes.length === 1) return processes[0]!.map((sample) => readingOf([sample]));
  return processes.map(readingOf);
}

function readingOf(samples: readonly Sample[]): Reading {
  const pairs = samples.flatMap(({ value, limit }) => limit === undefined ? [] : { value, limit });
  return {
    value: median(samples.map(({ value }) => value)),
    beside: pairs.length < samples.length ? undefined : {
      limit: median(pairs.map(({ limit }) => limit)),
      ratio: median(pairs.map(({ value, limit }) => value / limit)),
    },
  };
}

function resultOf(
  { name, unit, kind, better, what, limit, target }: Metric,
  values: readonly number[],
  readings: readonly Reading[],
  base?: readonly number[],
): MetricResult {
  const pairs = readings.flatMap(({ beside }) => beside ?? []);
  const ratio = limit !== undefined && pairs.length === values.length
    ? inShort(pairs.map(({ ratio }) => ratio))
    : undefined;
  // The bound of a figure with a limit is the ratio's: without all of it nothing can be said to hold.
  const judged = limit === undefined ? inShort(values) : ratio;
  return {
    ...{ name, unit, kind, better, what },
    ...inShort(values),
    ...(base === undefined ? {} : { base }),
    ...(ratio === undefined
      ? {}
      : { limit: { what: limit!, ...inShort(pairs.map(({ limit }) => limit)) }, ratio }),
    ...(target === undefined ? {} : { target }),
    ...(target === undefined || judged === undefined
      ? {}
      : { holds: holds(target, judged.median) }),
  };
}

function inShort(values: readonly number[]): Values {
  return { values, ...spreadOf(values) };
}

function holds({ atMost = Infinity, atLeast = -Infinity }: Target, value: number): boolean {
  return value <= atMost && value >= atLeast;
}

/**
 * Reads laws out of the cases: those of which two cases at least were measured.
 *
 * @param studies which laws
 * @param cases the cases
 * @returns a result for each that could be read
 */
export function studyResults(
  studies: readonly Study[],
  cases: readonly CaseResult[],
): StudyResult[] {
  return studies.flatMap((study) => {
    const { group, title, over, metric, law } = study;
    const points = study.cases.flatMap((name) => {
      const found = cases.find(({ id }) => id === idOf({ group, name }));
      const figure = found?.metrics.find(({ name }) => name === metric);
      if (found?.size === undefined || figure === undefined) return [];
      return [{ x: found.size[over], y: figure.median, unit: figure.unit }];
    });
    const xs = points.map(({ x }) => x);
    const ys = points.map(({ y }) => y);
    const fit = law === "line" ? { line: fitLine(xs, ys) } : { power: fitPower(xs, ys) };
    if (Object.values(fit)[0] === undefined) return [];
    const unit = points[0]!.unit;
    return [{ id: idOf(study), title, over, metric, law, unit, xs, ys, ...fit } as StudyResult];
  });
}

/**
 * Comes to a verdict.
 *
 * @param cases all cases
 * @param cpus how many processors the machine has: with too much to do beside, a time that is too long says as much of it as of us
 * @param unfinished why it is not all that was to be measured; nothing if it is
 * @returns the verdict, and why it is not a pass
 */
export function conclude(
  cases: readonly CaseResult[],
  cpus: number,
  unfinished?: string,
): { readonly verdict: Verdict; readonly reasons: readonly string[] } {
  const wrong: string[] = [];
  const doubts: string[] = unfinished === undefined ? [] : [unfinished];
  for (const one of cases) {
    const { id, metrics, problems, failures } = one;
    const busy = wasOverloaded(one, cpus);
    wrong.push(...problems.map((problem) => `${id}: ${problem}`));
    doubts.push(...failures.map((failure) => `${id}: ${failure}`));
    for (const metric of metrics) {
      if (metric.holds !== false) continue;
      const said = `${id}: ${missed(metric)}`;
      // What is counted is the same however long it takes.
      const isTimed = metric.kind === "duration" || metric.kind === "rate";
      if (busy && isTimed) {
        doubts.push(`${said}; not judged, the machine had too much to do`);
      } else wrong.push(said);
    }
  }
  const verdict = wrong.length > 0 ? "fail" : doubts.length > 0 ? "unknown" : "pass";
  return { verdict, reasons: [...wrong, ...doubts] };
}

function missed({ name, unit, median, ratio, target }: MetricResult): string {
  const value = ratio === undefined
    ? `${round(median)} ${unit}`.trim()
    : `ratio ${round(ratio.median)}`;
  const { atMost, atLeast } = target!;
  const bound = atMost !== undefined && (ratio?.median ?? median) > atMost
    ? `at most ${atMost}`
    : `at least ${atLeast}`;
  return `${name} is ${value}, and should be ${bound}`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(4)));
}
