/**
 * Runs the chosen cases, each as often as it wants, one process at a time.
 *
 * @module
 */
import { describeError, isPartiError } from "../../lib/errors.ts";
import { Seeded } from "../../sim/seed/seeded.ts";
import { withProgress } from "../../tasks/progress.ts";
import { type CaseOutcome, type Fault, idOf, type StressCase } from "../case.ts";
import { type CaseRun, runCaseOnce, type RunCaseOptions } from "../child/run_case.ts";

/** How they are run. */
export interface RunnerOptions {
  /** Whether this is only a sanity check: everything once. */
  readonly quick: boolean;
  /** How often each case is run instead of as often as it wants. */
  readonly repeat: number | undefined;
  /** All chances follow from it, the order of the cases among them. */
  readonly seed: number;
  /** A module with another catalog. */
  readonly registry: string | undefined;
  /** A planted defect. */
  readonly fault: Fault | undefined;
  /** How long cases that go on for long are to do so, in milliseconds. */
  readonly durationMs: number | undefined;
  /** Where to say what is going on. */
  readonly report: (line: string) => void;
  /** Ends it early: what has been measured by then is kept. */
  readonly signal: AbortSignal;
  /** Looks at the load average; called at intervals while a process runs, and in its end. */
  readonly loadAverage: () => number;
  /** The interval. */
  readonly lookEveryMs?: number;
  /** Called after each process, with all that has been measured by then. */
  readonly onRun?: (soFar: Measured) => Promise<void>;
  /** Runs a case once; replaced by tests. */
  readonly runOnce?: (stressCase: StressCase, options: RunCaseOptions) => Promise<CaseRun>;
}

/** What all processes of one case have measured. */
export interface MeasuredCase {
  /** The case. */
  readonly stressCase: StressCase;
  /** What each process has measured. */
  readonly outcomes: readonly CaseOutcome[];
  /** Why others have not. */
  readonly failures: readonly string[];
  /** For each process that has: the highest load average while it ran. */
  readonly loadAverages: readonly number[];
}

/** What all cases have measured. */
export interface Measured {
  /** The cases, in the order of the catalog. */
  readonly cases: readonly MeasuredCase[];
  /** The version of nats-server; undefined if no case had one. */
  readonly natsServerVersion: string | undefined;
}

/** A case that has failed so often, for whatever reasons, is given up. */
const MAX_FAILURES = 2;
/** A load average is one of the last minute. */
const LOOK_EVERY_MS = 10_000;

interface Turn {
  readonly stressCase: StressCase;
  readonly repetition: number;
}

/**
 * Runs cases.
 *
 * @param cases which
 * @param options how
 * @returns what they have measured
 * @throws what keeps every case from being run, such as a nats-server that cannot be found
 */
export async function runCases(
  cases: readonly StressCase[],
  options: RunnerOptions,
): Promise<Measured> {
  const { runOnce = runCaseOnce, signal, report } = options;
  const found = new Map(cases.map((stressCase) => [stressCase, nothingYet(stressCase)]));
  const turns = orderOf(cases, options);
  let natsServerVersion: string | undefined;
  for (const [index, { stressCase, repetition }] of turns.entries()) {
    const { outcomes, failures, loadAverages } = found.get(stressCase)!;
    if (signal.aborted || failures.length >= MAX_FAILURES) continue;
    const what = `[${index + 1}/${turns.length}] ${idOf(stressCase)}` +
      (repetition === 0 ? "" : `, once more (${repetition + 1})`);
    report(what);
    let doing = "starting";
    using busy = new LoadWatch(options);
    try {
      const run = await withProgress(
        what,
        (line) => report(`${line}: ${doing}`),
        () =>
          runOnce(stressCase, {
            ...options,
            repetition,
            onProgress: (now) => doing = now,
          }),
      );
      outcomes.push(run.outcome);
      loadAverages.push(busy.highest());
      natsServerVersion ??= run.natsServerVersion;
    } catch (error) {
      if (isPartiError(error, "PARTI_ABORTED")) continue;
      // Without a server nothing can be measured, and it is the user who can help.
      if (isPartiError(error, "PARTI_NOT_FOUND", "PARTI_SERVER_TOO_OLD")) throw error;
      failures.push(describeError(error));
      report(`${idOf(stressCase)}: ${describeError(error)}`);
    }
    await options.onRun?.({ cases: [...found.values()], natsServerVersion });
  }
  return { cases: [...found.values()], natsServerVersion };
}

function nothingYet(stressCase: StressCase) {
  return {
    stressCase,
    outcomes: [] as CaseOutcome[],
    failures: [] as string[],
    loadAverages: [] as number[],
  };
}

/** Looks at the load while a process runs: a burst in the middle of a long one is over in the end. */
class LoadWatch implements Disposable {
  readonly #look: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #highest = 0;

  constructor({ loadAverage, lookEveryMs = LOOK_EVERY_MS }: RunnerOptions) {
    this.#look = () => this.#highest = Math.max(this.#highest, loadAverage());
    this.#timer = setInterval(this.#look, lookEveryMs);
  }

  highest(): number {
    this.#look();
    return this.#highest;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * All first repetitions, then all second ones: a machine that becomes slower in the meantime does so for all cases alike. Within each, the
 * order is another one.
 */
function orderOf(cases: readonly StressCase[], { quick, repeat, seed }: RunnerOptions): Turn[] {
  const often = (one: StressCase) => repeat ?? (quick ? 1 : one.repetitions);
  const most = Math.max(0, ...cases.map(often));
  return Array.from({ length: most }, (_, repetition) =>
    new Seeded(seed, "order", repetition)
      .shuffled(cases.filter((one) => often(one) > repetition))
      .map((stressCase) => ({ stressCase, repetition }))).flat();
}
