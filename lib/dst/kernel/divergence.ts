/**
 * Compares two runs of one seed. They are the same to the last record, or something came in that does not follow from the seed; then the
 * first record that differs is shown, as what came in did so shortly before.
 *
 * @module
 */
import { SimulationFailure } from "./failure.ts";
import { type Outcome, simulate, type SimulationOptions, type Workload } from "./simulate.ts";
import { CHECKPOINT_EVERY, type Trace, type TraceRecord } from "./trace.ts";

/** Where two runs of one seed part. */
export interface Divergence {
  /** The number of the first record that differs; undefined if the runs parted elsewhere each time, or in nothing but their end. */
  readonly index: number | undefined;
  /** What the one run has around it. */
  readonly first: readonly TraceRecord[];
  /** What the other has. */
  readonly second: readonly TraceRecord[];
  /** Both next to each other, for people. */
  readonly text: string;
  /** The same as a failure of kind `divergence`. */
  readonly failure: SimulationFailure;
}

/** What came of a comparison. */
export interface Comparison<T> {
  /** The first run. */
  readonly outcome: Outcome<T>;
  /** Where the second parts from it; undefined if it does not. */
  readonly divergence: Divergence | undefined;
}

/** How many records are shown before the first that differs, and after it. */
const NEIGHBOURS = 8;
/** What comes in by chance comes in elsewhere in the next pair of runs. */
const ATTEMPTS_MAX = 5;

/** A stretch of the trace. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Runs a workload twice. If the runs differ it is run again, with records, until the place is found.
 *
 * @param options the seed and the bounds
 * @param work what drives the simulation
 * @returns the first run, and where the second parts from it
 */
export async function compareRuns<T>(
  options: SimulationOptions,
  work: Workload<T>,
): Promise<Comparison<T>> {
  const outcome = await simulate(options, work);
  // Whoever follows the trace wants to see one run of it.
  const { onTrace: _followed, ...unseen } = options;
  const second = await simulate(unseen, work);
  if (endOf(outcome) === endOf(second)) return { outcome, divergence: undefined };
  return { outcome, divergence: await findDivergence(unseen, work, outcome, second) };
}

/** Everything by which two runs are told apart, in a line. */
function endOf<T>({ trace, failure, events }: Outcome<T>): string {
  const end = failure === undefined ? "no failure" : `${failure.kind}, ${failure.message}`;
  return `hash ${trace.hash}, ${trace.count} records, ${events} events, ${end}`;
}

async function findDivergence<T>(
  options: SimulationOptions,
  work: Workload<T>,
  first: Outcome<T>,
  second: Outcome<T>,
): Promise<Divergence> {
  let stretch = firstDifferent(first.trace, second.trace);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const one = await runRecording(options, work, stretch);
    const other = await runRecording(options, work, stretch);
    const found = firstDifferent(one.outcome.trace, other.outcome.trace);
    const isRecorded = found.from >= stretch.from;
    const index = isRecorded ? differentIndex(one.records, other.records) : undefined;
    if (index !== undefined) return divergenceAt(options.seed, index, one.records, other.records);
    // These two may be equal by chance, and then say nothing of where to look.
    if (one.outcome.trace.hash !== other.outcome.trace.hash) stretch = found;
  }
  const ends = `${endOf(first)}\n${endOf(second)}`;
  return divergence(options.seed, first.virtualMs, undefined, [], [], ends);
}

async function runRecording<T>(
  options: SimulationOptions,
  work: Workload<T>,
  { from, to }: Stretch,
): Promise<{ outcome: Outcome<T>; records: TraceRecord[] }> {
  const records: TraceRecord[] = [];
  const onTrace = (record: TraceRecord): void => {
    if (record.index >= from - NEIGHBOURS && record.index < to + NEIGHBOURS) records.push(record);
  };
  return { outcome: await simulate({ ...options, onTrace }, work), records };
}

/** The records before the first checkpoint that differs, and some more: the next pair of runs may part a little later. */
function firstDifferent(one: Trace, other: Trace): Stretch {
  const common = Math.min(one.checkpoints.length, other.checkpoints.length);
  let equal = 0;
  while (equal < common && one.checkpoints[equal] === other.checkpoints[equal]) equal++;
  const from = equal * CHECKPOINT_EVERY;
  return { from, to: from + 2 * CHECKPOINT_EVERY };
}

function differentIndex(
  one: readonly TraceRecord[],
  other: readonly TraceRecord[],
): number | undefined {
  const length = Math.max(one.length, other.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [one[i], other[i]];
    if (a === undefined || b === undefined || textOf(a) !== textOf(b)) return (a ?? b)!.index;
  }
  return undefined;
}

function divergenceAt(
  seed: number,
  index: number,
  one: readonly TraceRecord[],
  other: readonly TraceRecord[],
): Divergence {
  const isNear = (record: TraceRecord) => Math.abs(record.index - index) <= NEIGHBOURS;
  const [first, second] = [one.filter(isNear), other.filter(isNear)];
  const isCommon = (record: TraceRecord) => record.index < index;
  const lines = [
    ...first.filter(isCommon).map((record) => `  ${textOf(record)}`),
    ...sideOf("-", first.filter((record) => !isCommon(record))),
    ...sideOf("+", second.filter((record) => !isCommon(record))),
    "  and so on",
  ];
  const atMs = (first.find((record) => !isCommon(record)) ?? second.at(-1))?.atMs ?? 0;
  return divergence(seed, atMs, index, first, second, lines.join("\n"));
}

function sideOf(sign: string, records: readonly TraceRecord[]): string[] {
  if (records.length === 0) return [`${sign} this run has ended`];
  return records.map((record) => `${sign} ${textOf(record)}`);
}

/** Times in full: the smallest difference counts. */
function textOf({ index, atMs, owner, label, value }: TraceRecord): string {
  const drawn = value === 0 ? "" : ` ${value}`;
  return `${index}  ${atMs} ms  ${owner === "" ? "-" : owner}  ${label}${drawn}`;
}

function divergence(
  seed: number,
  atMs: number,
  index: number | undefined,
  first: readonly TraceRecord[],
  second: readonly TraceRecord[],
  shown: string,
): Divergence {
  const where = index === undefined ? "nowhere twice" : `at record ${index}`;
  const text = `they part ${where}\n${shown}`;
  const failure = new SimulationFailure("divergence", "two runs of one seed", text, atMs);
  failure.locate(seed);
  return { index, first, second, text, failure };
}
