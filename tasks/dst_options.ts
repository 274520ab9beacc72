/**
 * The options of `deno task dst`: read, checked, and with what holds if they are left out.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import { DURATION_FORMAT, formatDuration, parseDurationMs } from "../sim/config/units.ts";
import type { CampaignGoal } from "./dst_campaign.ts";

/** The options as they were given. */
export interface RawDstOptions {
  readonly workload?: readonly string[];
  readonly suite?: string;
  readonly seeds?: string;
  readonly firstSeed?: string;
  readonly time?: string;
  readonly untilCovered?: boolean;
  readonly minSeeds?: string;
  readonly maxSeeds?: string;
  readonly maxFailures?: string;
  readonly allowMisses?: boolean;
  readonly jobs?: string;
  readonly twice?: boolean;
  readonly seedLimit?: string;
  readonly seed?: string;
  readonly plan?: string;
  readonly trace?: boolean;
  readonly shrink?: boolean;
  readonly shrinkTime?: string;
  readonly out?: string;
  readonly list?: boolean;
  readonly registry?: string;
}

/** The options, checked. */
export interface DstOptions {
  /** Names of workloads; none means all. */
  readonly workloads: readonly string[];
  /** One seed, or one plan, or many seeds. */
  readonly what:
    | { readonly kind: "seed"; readonly seed: number }
    | { readonly kind: "plan"; readonly file: string }
    | { readonly kind: "many"; readonly goal: CampaignGoal };
  /** Whether what no run reached is no failure. An `always…` that no run evaluated is one all the same. */
  readonly allowMisses: boolean;
  /** How many processes. */
  readonly jobs: number;
  /** Whether each run is done twice and compared. */
  readonly twice: boolean;
  /** Whether the trace is printed. */
  readonly trace: boolean;
  /** Whether failing plans are made smaller. */
  readonly shrink: boolean;
  /** How long that may take for each, in milliseconds. */
  readonly shrinkMs: number;
  /** How long one run may take, in real milliseconds. */
  readonly limitMs: number;
  /** The same as it was given, for commands that run something again; undefined if it was not. */
  readonly seedLimit: string | undefined;
  /** Where reports and plans go; undefined if nowhere. */
  readonly out: string | undefined;
  /** The module with the workloads; undefined for those of this project. */
  readonly registry: string | undefined;
}

/** Without any word on how many. A healthy project needs some more until all is reached, so it is no fixed number. */
const SEEDS_DEFAULT = 200;
const MIN_SEEDS_DEFAULT = 100;
const MAX_SEEDS_DEFAULT = 10_000;
const SEEDS_MAX = 1_000_000_000;
const FAILURES_DEFAULT = 10;
const FAILURES_MAX = 1_000;
const JOBS_MAX = 256;
/** A timer that is to go longer goes off at once. */
const LIMIT_MAX_MS = 24 * 3_600_000;

/**
 * Checks the options.
 *
 * @param raw as they were given
 * @param cores how many cores there are
 * @returns the options
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for the first that makes no sense
 */
export function readOptions(raw: RawDstOptions, cores: number): DstOptions {
  const isSingle = raw.seed !== undefined || raw.plan !== undefined;
  if (raw.trace && !isSingle) throw mistake("--trace", "needs one run: --seed or --plan");
  if (raw.shrinkTime !== undefined && !raw.shrink) {
    throw mistake("--shrink-time", "does nothing without --shrink");
  }
  return {
    workloads: raw.workload ?? [],
    what: raw.plan !== undefined
      ? { kind: "plan", file: raw.plan }
      : raw.seed !== undefined
      ? { kind: "seed", seed: whole("--seed", raw.seed, 0, Number.MAX_SAFE_INTEGER) }
      : { kind: "many", goal: readGoal(raw) },
    allowMisses: raw.allowMisses ?? false,
    jobs: raw.jobs === undefined
      ? Math.min(cores, JOBS_MAX)
      : whole("--jobs", raw.jobs, 1, JOBS_MAX),
    twice: raw.twice ?? false,
    trace: raw.trace ?? false,
    shrink: raw.shrink ?? false,
    shrinkMs: duration("--shrink-time", raw.shrinkTime ?? "60s"),
    limitMs: duration("--seed-limit", raw.seedLimit ?? "2m", LIMIT_MAX_MS),
    seedLimit: raw.seedLimit,
    out: raw.out,
    registry: raw.registry,
  };
}

function readGoal(raw: RawDstOptions): CampaignGoal {
  const isUnsaid = raw.seeds === undefined && raw.time === undefined && !raw.untilCovered;
  // Whoever allows misses does not want to wait until there are none.
  const untilCovered = raw.untilCovered ?? (isUnsaid && !raw.allowMisses);
  const leastDefault = isUnsaid ? SEEDS_DEFAULT : MIN_SEEDS_DEFAULT;
  const number = (option: string, text: string | undefined, otherwise: number) =>
    text === undefined ? otherwise : whole(option, text, 1, SEEDS_MAX);
  const isOpen = untilCovered || raw.time !== undefined;
  if (isUnsaid && (raw.minSeeds !== undefined || raw.maxSeeds !== undefined)) {
    throw mistake("--min-seeds and --max-seeds", "need --until-covered or --time");
  }
  const minSeeds = number("--min-seeds", raw.minSeeds, untilCovered ? leastDefault : 1);
  const most = raw.seeds === undefined
    ? number("--max-seeds", raw.maxSeeds, untilCovered ? MAX_SEEDS_DEFAULT : SEEDS_MAX)
    : number("--seeds", raw.seeds, SEEDS_DEFAULT);
  const maxSeeds = isOpen || raw.seeds !== undefined ? most : SEEDS_DEFAULT;
  if (raw.minSeeds !== undefined && minSeeds > maxSeeds) {
    throw mistake("--min-seeds", `${minSeeds} is more than the most, ${maxSeeds}`);
  }
  const firstSeed = raw.firstSeed === undefined
    ? 1
    : whole("--first-seed", raw.firstSeed, 0, Number.MAX_SAFE_INTEGER - SEEDS_MAX);
  return {
    firstSeed,
    minSeeds: Math.min(minSeeds, maxSeeds),
    maxSeeds,
    untilCovered,
    timeMs: raw.time === undefined ? Number.POSITIVE_INFINITY : duration("--time", raw.time),
    maxFailures: raw.maxFailures === undefined
      ? FAILURES_DEFAULT
      : whole("--max-failures", raw.maxFailures, 1, FAILURES_MAX),
  };
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw mistake(option, `needs a whole number from ${min} to ${max}, not "${text}"`);
}

function duration(option: string, text: string, maxMs = Number.POSITIVE_INFINITY): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > maxMs) {
    throw mistake(option, `must be at most ${formatDuration(maxMs)}, not "${text}"`);
  }
  if (ms !== undefined && ms > 0) return ms;
  throw mistake(option, `needs ${DURATION_FORMAT}, not "${text}"`);
}

function mistake(option: string, what: string): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", `${option} ${what}`, {
    value: option,
    hint: "deno task dst --help shows all options",
  });
}
