/**
 * What `parti sim` does: reads the input, runs, writes the report, and says what came of it.
 *
 * @module
 */
import { describeError, PartiError } from "../../lib/errors.ts";
import { exitCodes, withExitCode } from "../../tasks/exit_codes.ts";
import { interruptible } from "../../tasks/interruptible.ts";
import { describePlan, planChaos } from "../chaos/chaos_plan.ts";
import {
  describeConfig,
  loadConfig,
  type Override,
  type SimulationConfig,
} from "../config/config.ts";
import { Coordinator } from "../coordinator/coordinator.ts";
import { planFault } from "../fault/fault.ts";
import { processConsole, type SimConsole } from "../live/status_line.ts";
import { REPORT_FILE, type SimReport, type Verdict } from "../report/report.ts";
import { renderReport } from "../report/report_block.ts";
import { freshSeed } from "../seed/seeded.ts";
import { SERIES_FILE } from "../series/series.ts";
import { argumentsAgain } from "./again.ts";
import { writeDerived } from "./ended_commands.ts";

/** The options as they were given. */
export interface SimCommandOptions {
  /** The configuration's file. */
  readonly config?: string;
  /** Instead of `simulation.duration`. */
  readonly duration?: string;
  /** Instead of `simulation.seed`. */
  readonly seed?: string;
  /** The folder of the report. */
  readonly out?: string;
  /** `key=value`, each applied after the file. */
  readonly set: readonly string[];
  /** Instead of `nats.url`, with `nats.mode: external`. */
  readonly natsUrl?: string;
  /** Only show what would be run. */
  readonly dryRun?: boolean;
  /** A defect to plant. */
  readonly fault?: string;
}

const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  pass: exitCodes.pass,
  fail: exitCodes.fail,
  unknown: exitCodes.unknown,
};

/**
 * Runs the simulation.
 *
 * @param options the options as they were given
 * @returns the exit code
 * @throws {PartiError} for bad input, and where the run could not begin
 */
export async function runSim(options: SimCommandOptions): Promise<number> {
  refuseEmpty("config", options.config, "a file, such as configs/quick.yaml");
  refuseEmpty("out", options.out, "a folder");
  const configFile = options.config ?? "configs/quick.yaml";
  const file = options.config ?? new URL("../../configs/quick.yaml", import.meta.url);
  const { config, notes } = await loadConfig(file, overridesOf(options));
  const seed = config.simulation.seed ?? freshSeed();
  const fault = options.fault === undefined
    ? undefined
    : planFault(options.fault, config.partitions.count, seed);
  if (options.dryRun === true) return await printDryRun(config, notes, seed);
  const console = processConsole();
  console.print(`Seed: ${seed}`);
  for (const note of notes) console.log("WARN", note);
  const runId = crypto.randomUUID().slice(0, 8);
  const out = await openFolder(options.out ?? `out/sim-${seed}-${runId}`);
  using interrupt = interruptible(() =>
    console.log("WARN", "Interrupted: stopping everything (again to stop at once)")
  );
  const { signal } = interrupt;
  let begun = false;
  const onBegin = () => {
    begun = true;
    describeRun(console, config, describePlan(coordinator.plan));
  };
  const again = argumentsAgain(options, seed);
  const run = {
    config,
    configFile,
    arguments: again,
    seed,
    runId,
    fault,
    console,
    onBegin,
    signal,
  };
  const coordinator = new Coordinator(run);
  await writeJson(`${out}/chaos-plan.json`, coordinator.plan);
  try {
    const { report, series } = await coordinator.run();
    await writeJson(`${out}/${REPORT_FILE}`, report);
    // Numbers in columns: a line for each would only be long.
    await Deno.writeTextFile(`${out}/${SERIES_FILE}`, `${JSON.stringify(series)}\n`);
    // The verdict stands, whether or not it can be shown.
    const page = await writeDerived({ folder: out, report, series }).catch((error) => {
      console.log("WARN", `The page could not be made: ${describeError(error)}`);
    });
    console.clear();
    for (const line of renderReport(report)) console.print(line);
    console.print(`Report: ${out}/${REPORT_FILE}`);
    if (page !== undefined) console.print(`Page:   ${page}`);
    return EXIT_CODES[report.verdict];
  } catch (error) {
    console.clear();
    // Nothing was found out: a folder nobody asked for is not worth keeping.
    if (options.out === undefined) await Deno.remove(out, { recursive: true });
    // Before the run had begun it was the input or the surroundings; then the message says it all.
    if (!begun) throw error;
    console.print(`The run with seed ${seed} ended early.`);
    throw withExitCode(error, exitCodes.unknown);
  }
}

/** Says what would be run, on standard output: as a configuration that gives the very same run, with the plan in comments. */
async function printDryRun(
  config: SimulationConfig,
  notes: readonly string[],
  seed: number,
): Promise<number> {
  const plan = describePlan(planChaos(config, seed));
  const lines = [
    describeConfig({ ...config, simulation: { ...config.simulation, seed } }).trimEnd(),
    `# chaos plan: ${plan.length} events`,
    ...plan.map((line) => `#   ${line}`),
    ...notes.map((note) => `# no effect: ${note}`),
    "",
  ];
  await new Blob([lines.join("\n")]).stream().pipeTo(Deno.stdout.writable, { preventClose: true });
  return exitCodes.pass;
}

/** An empty path is a slip, such as a variable that is not set: as a folder it would be the root. */
function refuseEmpty(option: string, value: string | undefined, allowed: string): void {
  if (value === undefined || value.trim() !== "") return;
  const got = JSON.stringify(value);
  throw new PartiError("PARTI_INVALID_CONFIG", `--${option}: expected ${allowed}, got ${got}`, {
    value,
  });
}

/** Options are short for `--set`; being more special, they win over it. */
function overridesOf(options: SimCommandOptions): Override[] {
  const overrides = options.set.map((set) => ({ set, shown: `--set ${set}` }));
  const add = (option: string, value: string | undefined, ...keys: string[]) => {
    if (value === undefined) return;
    for (const key of keys) overrides.push({ set: key, shown: `--${option} ${value}` });
  };
  add("duration", options.duration, `simulation.duration=${options.duration}`);
  add("seed", options.seed, `simulation.seed=${options.seed}`);
  const url = JSON.stringify(options.natsUrl);
  add("nats-url", options.natsUrl, "nats.mode=external", `nats.url=${url}`);
  return overrides;
}

function describeRun(console: SimConsole, config: SimulationConfig, plan: readonly string[]): void {
  const { partitions, workers, simulation } = config;
  console.log("INFO", `Starting simulation in ${simulation.mode} mode`);
  console.log(
    "INFO",
    `Partitions: ${partitions.count}, Workers: ${workers.count}, ` +
      `Rate: ${partitions.message_rate_per_partition} msg/sec per partition`,
  );
  console.log("INFO", `Chaos: ${plan.length} events`);
  for (const line of plan.slice(0, 20)) console.log("INFO", `  ${line}`);
}

async function openFolder(path: string): Promise<string> {
  try {
    await Deno.mkdir(path, { recursive: true });
    return path;
  } catch (cause) {
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot create the folder ${path}: ${cause}`, {
      value: path,
      hint: "name another one with --out",
      cause,
    });
  }
}

async function writeJson(path: string, value: SimReport | unknown): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
