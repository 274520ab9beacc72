/**
 * What a stress case is. A case is measured in a process of its own beside a nats-server of its own; whoever wants to measure something
 * new writes one of these and adds it to its group's list (README, "A new case").
 *
 * @module
 */

/** What a figure is, which decides how `compare` judges it. */
export type MetricKind =
  /** Judged: more than 10 % more, beyond the noise, is a failure. */
  | "memory"
  /** Judged: more than 50 % longer, beyond the noise, is a failure. */
  | "duration"
  /** Judged: so much slower that the same work takes more than 50 % longer is a failure. Where it has a limit, the ratio is judged. */
  | "rate"
  /** Told, and not judged by `compare`. */
  | "count";

/** A bound that a figure has to keep to, whatever a baseline says. Where the metric has a limit, it is the ratio's. */
export interface Target {
  /** The most it may be. */
  readonly atMost?: number;
  /** The least it may be. */
  readonly atLeast?: number;
  /** Whether it is of the full size only: a sanity check, which is smaller, is not held to it. */
  readonly full?: boolean;
}

/** One figure of a case. */
export interface Metric {
  /** Its name, one word. */
  readonly name: string;
  /** Its unit, such as `MB` (of 1,048,576 bytes), `ms` or `msg/s`; empty for a bare number. */
  readonly unit: string;
  /** What it is. */
  readonly kind: MetricKind;
  /** Which direction is better. */
  readonly better: "lower" | "higher" | "neither";
  /** What is measured, one sentence. */
  readonly what: string;
  /** The limit measured beside it in the same run, in words; the metric is shown as a ratio to it. */
  readonly limit?: string;
  /** Whether the median of the same metric of the case's {@linkcode StressCase.baseline} is taken off. */
  readonly overBaseline?: boolean;
  /** The name of another case of the group whose median is taken off instead. It is run along, too. */
  readonly over?: string;
  /** It is another metric of this case, divided. It has no samples of its own. */
  readonly share?: { readonly of: string; readonly by: number };
  /** A bound it has to keep to. */
  readonly target?: Target;
}

/** One measured value. */
export interface Sample {
  /** The metric's name. */
  readonly metric: string;
  /** The value, in the metric's unit. */
  readonly value: number;
  /** The value of the limit, measured in the same run, in the same unit. */
  readonly limit?: number;
}

/** A figure over time, for the page. */
export interface Series {
  /** What it is. */
  readonly name: string;
  /** Its unit. */
  readonly unit: string;
  /** When, in seconds since the measuring began. */
  readonly atSeconds: readonly number[];
  /** How much. */
  readonly values: readonly number[];
}

/** What one process has measured. */
export interface CaseOutcome {
  /**
   * The values. A metric may have several, for cases which measure in rounds: the median of them is the value of this process. Where one
   * process is all there is, each round is a value.
   */
  readonly samples: readonly Sample[];
  /** Figures over time, if any. */
  readonly series?: readonly Series[];
  /** What was found to be wrong, such as a leak: the suite fails. */
  readonly problems?: readonly string[];
  /** What should be known and is not wrong. */
  readonly notes?: readonly string[];
}

/** A defect that can be planted, to see that it is found. */
export const FAULTS = [
  ...["memory", "slow", "loss", "starve", "leak"] as const,
  ...["leak-external", "leak-timers", "leak-sockets"] as const,
  ...["leak-subscriptions", "leak-consumers"] as const,
] as const;

/** One of them. */
export type Fault = typeof FAULTS[number];

/** What a running case is given. */
export interface CaseContext {
  /** The address of its own nats-server; empty if it wants none. */
  readonly url: string;
  /** Where that server is monitored over HTTP. */
  readonly monitorUrl: string;
  /** The process ID of that server; 0 if there is none. */
  readonly serverPid: number;
  /** Whether this is only a sanity check. */
  readonly quick: boolean;
  /** All chances follow from it. */
  readonly seed: number;
  /** Which repetition this is, from 0. */
  readonly repetition: number;
  /** The planted defect, if any. */
  readonly fault: Fault | undefined;
  /** How long the case is to go on, in milliseconds, where the user has said so. */
  readonly durationMs: number | undefined;
  /** Says what is being done, for who waits. */
  progress(what: string): void;
}

/** How large a case is. */
export interface CaseSize {
  /** How many workers. */
  readonly workers: number;
  /** How many partitions. */
  readonly partitions: number;
}

/** One configuration that is measured. */
export interface StressCase {
  /** The group: `memory`, `scale`, `speed`, `leak`. */
  readonly group: string;
  /** Its name in the group, such as `10w-500p`. */
  readonly name: string;
  /** What it measures, for people. */
  readonly title: string;
  /** How large it is, where that is what it is about. */
  readonly size?: CaseSize;
  /** Its figures. */
  readonly metrics: readonly Metric[];
  /** The case, in the same group, whose figures are taken off where a metric says so. It is run along. */
  readonly baseline?: string;
  /** The defects that can be planted in it; none if left out. */
  readonly faults?: readonly Fault[];
  /** Flags of V8 that its process is started with. */
  readonly v8Flags?: readonly string[];
  /** How many processes measure it, one after another. */
  readonly repetitions: number;
  /** Whether the sanity check has it, once. */
  readonly quick: boolean;
  /** Whether it gets a nats-server of its own. */
  readonly server: boolean;
  /** How long one process may take at most, in milliseconds. A planned duration is added to it. */
  readonly timeoutMs: number;
  /** For a case that goes on for as long as the user says: what is too short to find anything out, in milliseconds. */
  readonly leastDurationMs?: number;
  /** Measures; runs in the process of the case. */
  run(context: CaseContext): Promise<CaseOutcome>;
}

/** A law over several cases: a figure as a function of their size. */
export interface Study {
  /** The group. */
  readonly group: string;
  /** Its name in the group, such as `per-worker`. */
  readonly name: string;
  /** What it tells, for people. */
  readonly title: string;
  /** What of the size it is a function of. */
  readonly over: keyof CaseSize;
  /** The figure. */
  readonly metric: string;
  /** `line`: so much for each one more. `power`: the exponent of its growth. */
  readonly law: "line" | "power";
  /** The names of the cases in the group, from small to large. */
  readonly cases: readonly string[];
}

/** All that can be measured. */
export interface Catalog {
  /** The cases. */
  readonly cases: readonly StressCase[];
  /** What is read out of several of them. */
  readonly studies: readonly Study[];
}

/**
 * The whole name of a case or a study.
 *
 * @param named the case or the study
 * @returns such as `memory/10w-500p`
 */
export function idOf({ group, name }: Pick<StressCase, "group" | "name">): string {
  return `${group}/${name}`;
}

/**
 * The case whose figure is taken off.
 *
 * @param stressCase the case
 * @param metric a figure of it
 * @returns its name in the same group; undefined where nothing is taken off
 */
export function takenOff({ baseline }: StressCase, metric: Metric): string | undefined {
  return metric.over ?? (metric.overBaseline === true ? baseline : undefined);
}
