/**
 * A result held against a baseline: what has changed beyond the noise of both, and whether it is worse than is tolerated.
 *
 * The noise band of a figure is half the 95 % interval of the difference of both means, relative to the baseline's: Welch's, with Student's
 * quantile for as few values as there are ({@linkcode differenceOf}). Where what a process without workers takes was taken off, the scatter of
 * those processes is in it, on both sides. Where one process has measured all rounds of a case, how it differs from another one is not in the
 * band, and a note says so. A figure fails if it is worse by more than its limit and the band together.
 *
 * @module
 */
import { differenceOf, type Term } from "../statistics/difference.ts";
import { median } from "../statistics/spread.ts";
import { wasAskedFor } from "./asked.ts";
import { loadText, wasOverloaded } from "./load_bound.ts";
import { machineDifferences } from "./machine.ts";
import type { CaseResult, MetricResult, StressResult, Verdict } from "./result.ts";

/** Memory may grow by so much. */
export const MEMORY_LIMIT = 0.1;
/** Work may take so much longer. */
export const DURATION_LIMIT = 0.5;
/** What lies below these says more of how it is looked at than of what is measured: a change by less is none. */
const [LEAST_MB, LEAST_MS] = [0.05, 20];

/** Less of the processors' time that was taken by other machines is not worth a word. */
const STOLEN_PART = 0.01;

/** What became of a figure. */
export type Outcome =
  /** Worse than is tolerated. */
  | "worse"
  /** Changed beyond the noise, and tolerated or not judged. */
  | "changed"
  /** Within the noise. */
  | "same"
  /** Too few repetitions to know the noise. */
  | "unsure"
  /** A duration, or a rate, of a machine that had too much to do. */
  | "loaded";

/** One figure in both. */
export interface Change {
  /** The case and the figure, such as `memory/10w-500p heap`. */
  readonly figure: string;
  /** The unit; empty for ratios. */
  readonly unit: string;
  /** The baseline's mean. */
  readonly before: number;
  /** The result's mean. */
  readonly after: number;
  /** How much more, as a share of the baseline. */
  readonly change: number;
  /** Chance alone may change it by so much, as a share; undefined for too few repetitions. */
  readonly band: number | undefined;
  /** How much worse it may be, as a share; undefined where that is not judged. */
  readonly limit: number | undefined;
  /** What is thought of it. */
  readonly outcome: Outcome;
}

/** What came of it. */
export interface Comparison {
  /** All figures that both have. */
  readonly changes: readonly Change[];
  /** `fail` if a figure is worse than is tolerated, `unknown` if it could not be found out. */
  readonly verdict: Verdict;
  /** Why it is not a pass. */
  readonly reasons: readonly string[];
  /** What else should be known. */
  readonly notes: readonly string[];
}

/**
 * Compares.
 *
 * @param baseline how it was
 * @param result how it is
 * @returns what has changed, and what is thought of it
 */
export function compareResults(baseline: StressResult, result: StressResult): Comparison {
  const machines = machineDifferences(baseline.machine, result.machine)
    .map((difference) => `another machine: ${difference}`);
  const doubts = [
    ...machines,
    ...(baseline.fault === null ? [] : [`the baseline has the planted defect ${baseline.fault}`]),
    ...notWhole("the baseline", baseline),
    ...notWhole("the result", result),
  ];
  const changes: Change[] = [];
  for (const before of baseline.cases) {
    const after = result.cases.find(({ id }) => id === before.id);
    if (after === undefined) {
      if (wasAskedFor(result, before.id)) doubts.push(`${before.id} is missing`);
      continue;
    }
    doubts.push(...troubles("the baseline", before), ...troubles("the result", after));
    const isLoaded = wasOverloaded(before, baseline.load.cpus) ||
      wasOverloaded(after, result.load.cpus);
    for (const metric of before.metrics) {
      const now = after.metrics.find(({ name }) => name === metric.name);
      const figure = `${before.id} ${metric.name}`;
      if (now === undefined) doubts.push(`${figure} is missing`);
      else if ((metric.base === undefined) !== (now.base === undefined)) {
        doubts.push(`${figure}: only one of both tells what was taken off; save a new baseline`);
      } else changes.push(changeOf(before, metric, now, isLoaded));
    }
  }
  if (changes.length === 0) doubts.push("there is nothing that both have measured");
  // On another machine nothing can be said to have become worse.
  const judged = machines.length > 0 ? [] : changes;
  const worse = judged.filter(({ outcome }) => outcome === "worse").map(describeWorse);
  const unsure = judged.filter(({ outcome }) => outcome === "unsure");
  if (unsure.length > 0) {
    doubts.push(
      `${unsure.length} figures have too few repetitions to know their noise (${
        unsure[0]!.figure
      }, …): three at least`,
    );
  }
  doubts.push(...loadDoubt("the baseline", baseline, judged));
  doubts.push(...loadDoubt("the result", result, judged));
  return {
    changes,
    verdict: worse.length > 0 ? "fail" : doubts.length > 0 ? "unknown" : "pass",
    reasons: [...worse, ...doubts],
    notes: notesOf(baseline, result, judged),
  };
}

function notWhole(side: string, { quick, unfinished }: StressResult): string[] {
  return [
    ...(quick ? [`${side} is only a sanity check`] : []),
    ...(unfinished === undefined
      ? []
      : [`${side} is not all that was to be measured: ${unfinished}`]),
  ];
}

/** Which figures of one side say more of the machine. */
function loadDoubt(
  side: string,
  { cases, load: { cpus } }: StressResult,
  judged: readonly Change[],
): string[] {
  const notJudged = ({ id }: CaseResult) =>
    judged.filter(({ figure, outcome }) => outcome === "loaded" && figure.startsWith(`${id} `));
  const busy = cases.filter((one) => wasOverloaded(one, cpus) && notJudged(one).length > 0);
  if (busy.length === 0) return [];
  return [
    `${side} was measured with ${loadText(busy, cpus)}: ` +
    `${busy.flatMap(notJudged).length} durations and rates are not judged`,
  ];
}

function troubles(side: string, { id, problems, failures }: CaseResult): string[] {
  return [...problems, ...failures].map((trouble) => `${side} has ${id}: ${trouble}`);
}

function changeOf(
  { id }: CaseResult,
  before: MetricResult,
  after: MetricResult,
  isLoaded: boolean,
): Change {
  const asRatio = before.ratio !== undefined && after.ratio !== undefined;
  const terms = (metric: MetricResult, sign: 1 | -1): Term[] =>
    asRatio ? [{ values: metric.ratio!.values, sign }] : termsOf(metric, sign);
  const [was, is] = [differenceOf(terms(before, 1)).value, differenceOf(terms(after, 1)).value];
  const { value: difference, half } = differenceOf([...terms(after, 1), ...terms(before, -1)]);
  const base = Math.abs(was);
  const change = base === 0 ? (difference === 0 ? 0 : Infinity) : difference / base;
  const band = half === undefined ? undefined : base === 0 ? 0 : half / base;
  const limit = limitOf(before);
  const isTiny = !asRatio && Math.abs(difference) < leastChange(before.kind, base);
  const isTimed = limit !== undefined && before.kind !== "memory";
  return {
    figure: `${id} ${before.name}${asRatio ? " (ratio)" : ""}`,
    unit: asRatio ? "" : before.unit,
    ...{ before: was, after: is, change, band, limit },
    outcome: isTimed && isLoaded
      ? "loaded"
      : isTiny && band !== undefined
      ? "same"
      : judge(before, change, band, limit),
  };
}

/** A few milliseconds count where the whole takes no more: what takes less than 20 ms has to double. */
function leastChange(kind: MetricResult["kind"], base: number): number {
  if (kind === "memory") return LEAST_MB;
  return kind === "duration" ? Math.min(LEAST_MS, base) : 0;
}

/** What a figure is the difference of: what was measured, and what was taken off, each with its own mean and scatter. */
function termsOf({ values, base }: MetricResult, sign: 1 | -1): Term[] {
  if (base === undefined) return [{ values, sign }];
  const off = median(base);
  return [
    { values: values.map((value) => value + off), sign },
    { values: base, sign: sign === 1 ? -1 : 1 },
  ];
}

/** A rate that has gone down to 1/1.5 takes half as long again for the same work. */
function limitOf({ kind, better }: MetricResult): number | undefined {
  if (better === "neither") return undefined;
  if (kind === "memory") return MEMORY_LIMIT;
  if (kind === "duration") return DURATION_LIMIT;
  return kind === "rate" ? 1 - 1 / (1 + DURATION_LIMIT) : undefined;
}

function judge(
  { better }: MetricResult,
  change: number,
  band: number | undefined,
  limit: number | undefined,
): Outcome {
  if (band === undefined && limit !== undefined) return "unsure";
  if (Math.abs(change) <= (band ?? 0)) return "same";
  const worse = better === "higher" ? -change : change;
  return limit !== undefined && worse > limit + (band ?? 0) ? "worse" : "changed";
}

function describeWorse({ figure, unit, before, after, change, band, limit }: Change): string {
  const by = `${percent(change)}, tolerated ${percent(limit!)} ± ${percent(band!)} of noise`;
  return `${figure}: ${short(before)} → ${short(after)} ${unit}`.trimEnd() + ` (${by})`;
}

function notesOf(
  baseline: StressResult,
  result: StressResult,
  judged: readonly Change[],
): string[] {
  const notes: string[] = [];
  const versions = [
    ["Deno", baseline.machine.denoVersion, result.machine.denoVersion],
    ["nats-server", baseline.machine.natsServerVersion, result.machine.natsServerVersion],
  ] as const;
  for (const [what, before, after] of versions) {
    if (before !== after) notes.push(`${what} was ${before || "none"} and is ${after || "none"}`);
  }
  notes.push(...stolenNote("the baseline", baseline), ...stolenNote("the result", result));
  const blind = judged.filter(({ band, limit }) =>
    band !== undefined && limit !== undefined && band > limit
  );
  if (blind.length > 0) {
    notes.push(
      `of ${blind.length} figures the noise is more than is tolerated, something may hide in it: ` +
        blind.map(({ figure, band }) => `${figure} (± ${percent(band!)})`).join(", "),
    );
  }
  const alone = baseline.cases.filter(({ id, metrics, loadAverages }) =>
    metrics.some((metric) => limitOf(metric) !== undefined && metric.count > 1) &&
    Math.min(loadAverages.length, processesOf(result, id)) === 1
  );
  if (alone.length > 0) {
    notes.push(
      `one process has measured all rounds of ${alone.map(({ id }) => id).join(", ")}: how it ` +
        "differs from the next one is not in their noise; --repeat 3 measures that",
    );
  }
  const left = baseline.cases.map(({ id }) => id).filter((id) =>
    !wasAskedFor(result, id) && !result.cases.some((one) => one.id === id)
  );
  if (left.length > 0) {
    notes.push(`${left.length} cases of the baseline were not asked for: ${left.join(", ")}`);
  }
  const fresh = result.cases.flatMap((one) => freshIn(one, baseline));
  if (fresh.length > 0) notes.push(`not in the baseline: ${fresh.join(", ")}`);
  return notes;
}

/** A virtual machine whose processors were elsewhere is slow, and its load average says nothing of it. */
function stolenNote(side: string, { load: { stolenPart } }: StressResult): string[] {
  if (!(stolenPart >= STOLEN_PART)) return [];
  return [
    `${side} was measured while ${percent(stolenPart)} of the processors' time was taken by ` +
    "others: times say as much of that",
  ];
}

/** What nothing is held against: a case, or figures of one. */
function freshIn({ id, metrics }: CaseResult, baseline: StressResult): string[] {
  const before = baseline.cases.find((one) => one.id === id);
  if (before === undefined) return [id];
  return metrics.filter(({ name }) => !before.metrics.some((one) => one.name === name))
    .map(({ name }) => `${id} ${name}`);
}

function processesOf({ cases }: StressResult, id: string): number {
  return cases.find((one) => one.id === id)?.loadAverages.length ?? 0;
}

/**
 * A share for people.
 *
 * @param share such as 0.153
 * @returns such as `15 %`
 */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "∞ %";
  return `${Number((share * 100).toPrecision(2))} %`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
