/**
 * The options of `dst_mutants.ts`: read, checked, and with what holds if they are left out.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import type { Mutant } from "../lib/dst/mutants/mutant.ts";
import { DURATION_FORMAT, parseDurationMs } from "../sim/config/units.ts";

/** The options as they were given. */
export interface RawMutantsOptions {
  readonly only: readonly string[];
  readonly suite?: string;
  readonly maxSeeds: string;
  readonly controlSeeds: string;
  readonly shrink?: boolean;
  readonly shrinkTime?: string;
  readonly out?: string;
  readonly list?: boolean;
}

/** The options, checked. */
export interface MutantsOptions {
  /** The bugs to show. */
  readonly listed: readonly Mutant[];
  /** The bugs to hunt. What a second line of defence makes up for is hunted only by whoever asks for it by name. */
  readonly chosen: readonly Mutant[];
  /** A bug is given up after so many seeds. */
  readonly maxSeeds: number;
  /** So many seeds must pass without a bug first. */
  readonly controlSeeds: number;
  /** How long to make each failing plan smaller, such as `60s`; undefined if not at all. */
  readonly shrinkTime: string | undefined;
}

/** How long making a plan smaller may take without any word on it. */
export const SHRINK_TIME_DEFAULT = "60s";
const SEEDS_MAX = 1_000_000_000;

/**
 * Checks the options.
 *
 * @param raw as they were given
 * @param mutants the bugs there are
 * @returns the options
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for the first that makes no sense
 */
export function readMutantsOptions(
  raw: RawMutantsOptions,
  mutants: readonly Mutant[],
): MutantsOptions {
  const { only, shrink = false, shrinkTime } = raw;
  const unknown = only.find((wanted) => mutants.every(({ name }) => name !== wanted));
  if (unknown !== undefined) {
    throw mistake(`there is no mutant "${unknown}"`, unknown, "--list shows all of them");
  }
  // Who says how long it may take believes that it is done.
  if (shrinkTime !== undefined && !shrink) {
    throw mistake("--shrink-time does nothing without --shrink", shrinkTime, "add --shrink");
  }
  if (shrinkTime !== undefined && !((parseDurationMs(shrinkTime) ?? 0) > 0)) {
    throw mistake(`--shrink-time needs ${DURATION_FORMAT}, not "${shrinkTime}"`, shrinkTime);
  }
  const { suite } = raw;
  const ofSuite = mutants.filter(({ workload = "core" }) =>
    suite === undefined || workload.split("-")[0] === suite
  );
  if (suite !== undefined && ofSuite.length === 0) {
    throw mistake(`there is no suite "${suite}"`, suite, "there are: core, bus");
  }
  const listed = ofSuite.filter(({ name }) => only.length === 0 || only.includes(name));
  return {
    listed,
    chosen: listed.filter((mutant) => isHunted(mutant) || only.length > 0),
    maxSeeds: whole("--max-seeds", raw.maxSeeds, 1),
    controlSeeds: whole("--control-seeds", raw.controlSeeds, 0),
    shrinkTime: shrink ? shrinkTime ?? SHRINK_TIME_DEFAULT : undefined,
  };
}

/** Those that nobody expects to be found are hunted only if they are named. */
function isHunted({ masked, elusive }: Mutant): boolean {
  return masked === undefined && elusive === undefined;
}

function whole(option: string, text: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= SEEDS_MAX) return value;
  throw mistake(`${option} needs a whole number from ${min} to ${SEEDS_MAX}, not "${text}"`, text);
}

function mistake(message: string, value: string, hint?: string): PartiError {
  return new PartiError("PARTI_INVALID_CONFIG", message, {
    value,
    hint: hint ?? "deno run -A tasks/dst_mutants.ts --help shows all options",
  });
}
