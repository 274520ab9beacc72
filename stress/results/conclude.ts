/**
 * Makes a result of what the processes have measured.
 *
 * @module
 */
import type { Machine } from "../../sim/measure/machine_load.ts";
import { wasOverloaded } from "./load_bound.ts";
import type { CaseOutcome, Metric, StressCase, Study, Target } from "../case.ts";
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
    const { stressCase, outcomes, failures } = one;
    const outcomesOf = (name: string) =>
      measured.find(({ stressCase: { group, name: other } }) =>
        group === stressCase.group && name === other
      )?.outcomes ?? [];
    const metrics = metricResults(
      quick ? withoutFullBounds(stressCase) : stressCase,
      outcomes,
      outcomesOf,
    );
    const missing = stressCase.metrics.filter(({ name }) =>
      outcomes.length > 0 && !metrics.some((metric) => metric.name === name)
    );
    return {
      id: idOf(stressCase),
      title: stressCase.title,
      ...(stressCase.size === undefined ? {} : { size: stressCase.size }),
      metrics,
      series: outcomes.flatMap(({ series }) => series ?? []),
      problems: [...new Set(outcomes.flatMap(({ problems }) => problems ?? []))],
      failures: [
        ...failures,
        ...missing.map(({ name }) => `${name} was not measured`),
        ...(outcomes.length === 0 && failures.length === 0 ? ["it was not run"] : []),
      ],
    };
  });
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
    const samples = samplesOf(outcomes, name);
    const off = takenOff(stressCase, metric);
    const base = off === undefined
      ? undefined
      : samplesOf(outcomesOf(off), name).map(({ value }) => value);
    if (samples.length === 0 || base?.length === 0) continue;
    const limits = samples.flatMap(({ limit }) => limit === undefined ? [] : [limit]);
    const level = base === undefined ? 0 : median(base);
    results.set(name, resultOf(metric, samples.map(({ value }) => value - level), limits, base));
  }
  return [...results.values()];
}

function samplesOf(outcomes: readonly CaseOutcome[], name: string) {
  return outcomes.flatMap(({ samples }) => samples.filter(({ metric }) => metric === name));
}

function resultOf(
  { name, unit, kind, better, what, limit, target }: Metric,
  values: readonly number[],
  limits: readonly number[],
  base?: readonly number[],
): MetricResult {
  const hasLimit = limit !== undefined && limits.length === values.length;
  const ratio = hasLimit ? inShort(values.map((value, at) => value / limits[at]!)) : undefined;
  return {
    ...{ name, unit, kind, better, what },
    ...inShort(values),
    ...(base === undefined ? {} : { base }),
    ...(ratio === undefined ? {} : { limit: { what: limit!, ...inShort(limits) }, ratio }),
    ...(target === undefined
      ? {}
      : { target, holds: holds(target, (ratio ?? inShort(values)).median) }),
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
 * @param load how busy the machine was: with too much to do, a time that is too long says as much of it as of us
 * @param interrupted whether it was ended early
 * @returns the verdict, and why it is not a pass
 */
export function conclude(
  cases: readonly CaseResult[],
  load: Machine,
  interrupted: boolean,
): { readonly verdict: Verdict; readonly reasons: readonly string[] } {
  const busy = wasOverloaded(load);
  const wrong: string[] = [];
  const doubts: string[] = interrupted ? ["it was interrupted"] : [];
  for (const { id, metrics, problems, failures } of cases) {
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
