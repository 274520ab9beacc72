/**
 * What `parti stress` does: chooses, runs, writes the result, says what came of it.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { formatDuration, parseDurationMs } from "../../sim/config/units.ts";
import { freshSeed } from "../../sim/seed/seeded.ts";
import { note, say } from "../../tasks/console.ts";
import { exitCodes } from "../../tasks/exit_codes.ts";
import { interruptible } from "../../tasks/interruptible.ts";
import { type Catalog, type Fault, FAULTS, idOf, type StressCase } from "../case.ts";
import { loadCatalog } from "../registry.ts";
import { DEFAULT_OUT, LOCK_FILE, makeOutput, takeOutput } from "../results/files.ts";
import { RESULT_FILE } from "../results/result.ts";
import { keepWhole, WHOLE_FILE } from "./kept_whole.ts";
import { PAGE_FILE, Run } from "./run.ts";
import { runCases } from "./runner.ts";
import { selectCases } from "./select.ts";

/** The options as they were given. */
export interface StressOptions {
  /** Groups, cases or laws. */
  readonly only?: readonly string[];
  /** A sanity check. */
  readonly quick?: boolean;
  /** Show what there is. */
  readonly list?: boolean;
  /** The output folder. */
  readonly out?: string;
  /** How often each case is run. */
  readonly repeat?: string;
  /** The seed. */
  readonly seed?: string;
  /** How long the leak run goes on. */
  readonly duration?: string;
  /** A defect to plant. */
  readonly fault?: string;
  /** A module with another catalog. */
  readonly registry?: string;
}

/**
 * Runs the suite.
 *
 * @param options the options as they were given
 * @returns the exit code
 * @throws {PartiError} for bad input, and where nothing could be measured
 */
export async function runStress(options: StressOptions): Promise<number> {
  const catalog = await loadCatalog(options.registry);
  const quick = options.quick ?? false;
  const cases = selectCases(catalog, options.only ?? [], quick);
  if (options.list === true) {
    for (const line of listLines({ cases, studies: catalog.studies })) say(line);
    return exitCodes.pass;
  }
  if (cases.length === 0) {
    throw new PartiError("PARTI_INVALID_CONFIG", "no case is left to run", {
      ...{ value: options.only, hint: "leave out --quick, or see --list" },
    });
  }
  const seed = wholeNumber("seed", options.seed, 0) ?? freshSeed();
  const repeat = wholeNumber("repeat", options.repeat, 1);
  const durationMs = durationOf(options.duration, cases);
  const fault = faultOf(options.fault, cases);
  const out = options.out ?? DEFAULT_OUT;
  if (out.trim() === "") throw invalid("out", out, "a folder");
  await makeOutput(out, [RESULT_FILE, PAGE_FILE, WHOLE_FILE, LOCK_FILE]);
  using _taken = await takeOutput(out);
  await keepWhole(out);
  note(`Seed: ${seed}`);
  const run = await Run.begin(catalog, options, { seed, quick, fault, out });
  using interrupt = interruptible(() => note("Interrupted: what was measured is written."));
  const measured = await runCases(cases, {
    ...{ quick, repeat, seed, fault, durationMs, registry: options.registry, report: note },
    signal: interrupt.signal,
    loadAverage: run.loadAverage,
    onRun: (soFar) => run.save(soFar),
  });
  return await run.end(measured, interrupt.signal.aborted ? "it was interrupted" : undefined);
}

function listLines({ cases, studies }: Catalog): string[] {
  return [
    ...cases.flatMap((one) => {
      const { faults = [] } = one;
      const planted = faults.length === 0 ? [] : [`--fault ${faults.join(" | ")}`];
      const marks = [`${one.repetitions} ×`, ...one.quick ? ["quick"] : [], ...planted].join(", ");
      return [
        `${idOf(one)}  (${marks})  ${one.title}`,
        ...one.metrics.map(({ name, unit, what }) =>
          `    ${name}${unit === "" ? "" : ` [${unit}]`}: ${what}`
        ),
      ];
    }),
    ...studies.filter(({ group, cases: parts }) =>
      parts.every((name) => cases.some((one) => idOf(one) === idOf({ group, name })))
    ).map((study) => `${idOf(study)}  (law)  ${study.title}: ${study.cases.join(", ")}`),
  ];
}

function wholeNumber(option: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && Number.isSafeInteger(value)) return value;
  throw invalid(option, text, `a whole number from ${min} on`);
}

function durationOf(
  text: string | undefined,
  cases: readonly StressCase[],
): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms === undefined || ms <= 0) {
    throw invalid("duration", text, 'a duration such as "30s" or "10m"');
  }
  const lasting = cases.filter(({ leastDurationMs }) => leastDurationMs !== undefined);
  if (lasting.length === 0) {
    throw new PartiError("PARTI_INVALID_CONFIG", "--duration does nothing in what is run", {
      ...{ value: text, hint: "choose what goes on for as long as it is told to: --only leak" },
    });
  }
  for (const one of lasting) {
    const { leastDurationMs = 0 } = one;
    if (ms >= leastDurationMs) continue;
    const least = formatDuration(leastDurationMs);
    throw invalid("duration", text, `${least} at least, or ${idOf(one)} finds nothing out`);
  }
  return ms;
}

function faultOf(text: string | undefined, cases: readonly StressCase[]): Fault | undefined {
  if (text === undefined) return undefined;
  const fault = FAULTS.find((one) => one === text);
  if (fault === undefined) throw invalid("fault", text, FAULTS.join(", "));
  const without = cases.filter(({ faults = [] }) => !faults.includes(fault));
  if (without.length === cases.length) {
    throw new PartiError("PARTI_INVALID_CONFIG", `--fault ${fault} does nothing in what is run`, {
      value: text,
      hint: `choose cases that it can be planted in with --only; --list tells which those are`,
    });
  }
  if (without.length > 0) note(`Not planted in: ${without.map(idOf).join(", ")}`);
  return fault;
}

function invalid(option: string, value: string, allowed: string): PartiError {
  const got = JSON.stringify(value);
  return new PartiError("PARTI_INVALID_CONFIG", `--${option}: expected ${allowed}, got ${got}`, {
    value,
  });
}
