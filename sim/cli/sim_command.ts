/**
 * What `parti sim` does: reads the input, runs, writes the report, and says what came of it.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { exitCodes } from "../../tasks/exit_codes.ts";
import { uncaughtIsUnknown } from "../../tasks/uncaught.ts";
import { describePlan, planChaos } from "../chaos/chaos_plan.ts";
import {
  describeConfig,
  loadConfig,
  type Override,
  parseConfig,
  type SimulationConfig,
} from "../config/config.ts";
import { hideUserInfo, showSet, withoutSecrets } from "../config/secrets.ts";
import { takeRunFolder } from "../checkpoint/run_folder.ts";
import { planFault } from "../fault/fault.ts";
import { processConsole, type SimConsole } from "../console/status_line.ts";
import { freshSeed } from "../seed/seeded.ts";
import { readAccess } from "../wire/access.ts";
import { crashesCoordinator } from "../config/config_rules.ts";
import { argumentsAgain } from "./again.ts";
import { type Input, runAlone } from "./execute.ts";
import { runHost } from "./host_command.ts";
import { roleFromEnvironment, slotsFromEnvironment } from "./host_slots.ts";
import { resumeInput } from "./resume_input.ts";
import { runKept } from "./run_kept.ts";

/** The options as they were given. */
export interface SimCommandOptions {
  /** The configuration's file. */
  readonly config?: string;
  /** Instead of `simulation.mode`. */
  readonly mode?: string;
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
  /** Instead of `logs.format`. */
  readonly logFormat?: string;
  /** A defect to plant. */
  readonly fault?: string;
  /** Go on with a run: with the one in this folder, or with the last one. */
  readonly resume?: string | boolean;
}

/**
 * Runs the simulation.
 *
 * @param options the options as they were given
 * @returns the exit code
 * @throws {PartiError} for bad input, and where the run could not begin
 */
export async function runSim(options: SimCommandOptions): Promise<number> {
  using _uncaught = uncaughtIsUnknown();
  if (options.resume === undefined || options.resume === false) return await runFresh(options);
  refuseEmpty("resume", String(options.resume), "the folder of a run, or none for the last one");
  using input = await resumeInput(options);
  const { saved, folder, file, notes } = input;
  const config = withLogFormat(saved.asked.config, options.logFormat);
  const console = processConsole(config.logs.format);
  console.print(`Seed: ${saved.asked.seed}`);
  console.log("INFO", `Resuming from checkpoint: ${file}`);
  await openFolder(saved.out, "the run has its report there: see to it that it can be written to");
  return await run(console, {
    ...{ ...saved.asked, fault: saved.asked.fault, config },
    // Secrets are in no checkpoint: they come from the environment again.
    access: await readAccess(config.nats, readEnvironment),
    ...{ out: saved.out, notes, resumed: saved, checkpointFolder: folder },
  });
}

/** How it is said what happens makes no other run of it. */
function withLogFormat(config: SimulationConfig, format: string | undefined): SimulationConfig {
  if (format === undefined) return config;
  const override = { set: `logs.format=${format}`, shown: `--log-format ${format}` };
  const { logs } = parseConfig("", "the defaults", [override]).config;
  return { ...config, logs: { ...config.logs, format: logs.format } };
}

/** Whoever is to be killed on purpose cannot be the one who has all the rest. */
function run(console: SimConsole, input: Input): Promise<number> {
  return crashesCoordinator(input.config) ? runKept(console, input) : runAlone(console, input);
}

async function runFresh(options: SimCommandOptions): Promise<number> {
  refuseEmpty("config", options.config, "a file, such as configs/quick.yaml");
  refuseEmpty("out", options.out, "a folder");
  const configFile = options.config ?? "configs/quick.yaml";
  const file = options.config ?? new URL("../../configs/quick.yaml", import.meta.url);
  const { config: loaded } = await loadConfig(file, overridesOf(options));
  // From here on nobody has them who could show them to somebody.
  const { config, hidden } = withoutSecrets(loaded);
  const seed = config.simulation.seed ?? freshSeed();
  const fault = options.fault === undefined
    ? undefined
    : planFault(options.fault, config.partitions.count, seed);
  if (options.dryRun === true) return await printDryRun(config, hidden, seed);
  const access = await readAccess(loaded.nats, readEnvironment);
  const console = processConsole(config.logs.format);
  const { mode } = config.simulation;
  if (mode === "worker" || mode === "producer") {
    const slots = slotsFromEnvironment(mode, readEnvironment);
    return await runHost(config, mode, slots, access, console, options.out);
  }
  console.print(`Seed: ${seed}`);
  const runId = crypto.randomUUID().slice(0, 8);
  const name = `sim-${seed}-${runId}`;
  await using cleanUp = new AsyncDisposableStack();
  const out = await openFolder(options.out ?? `out/${name}`, anotherWith("--out"));
  const { enabled, path } = config.checkpointing;
  const again = argumentsAgain(options, seed);
  const asked = { config, configFile, arguments: again, seed, runId, fault, access };
  const unasked = options.out === undefined ? [out] : [];
  let begun = false;
  const onBegin = () => begun = true;
  try {
    const checkpointFolder = enabled
      ? await openFolder(`${path}/${name}`, anotherWith("checkpointing.path"))
      : undefined;
    if (checkpointFolder === undefined) return await run(console, { ...asked, out, onBegin });
    unasked.push(checkpointFolder);
    cleanUp.use(await takeRunFolder(checkpointFolder));
    return await run(console, { ...asked, out, checkpointFolder, onBegin });
  } finally {
    // Nothing was found out: folders nobody asked for are not worth keeping.
    if (!begun) { for (const folder of unasked) await Deno.remove(folder, { recursive: true }); }
  }
}

/** Says what would be run, on standard output: as a configuration that gives the very same run, with the plan in comments. */
async function printDryRun(
  config: SimulationConfig,
  hidden: readonly string[],
  seed: number,
): Promise<number> {
  const plan = describePlan(planChaos(config, seed));
  const lines = [
    describeConfig({ ...config, simulation: { ...config.simulation, seed } }).trimEnd(),
    `# chaos plan: ${plan.length} events`,
    ...plan.map((line) => `#   ${line}`),
    ...hidden.map((key) => `# not shown: ${key}`),
    "",
  ];
  await new Blob([lines.join("\n")]).stream().pipeTo(Deno.stdout.writable, { preventClose: true });
  return exitCodes.pass;
}

function readEnvironment(name: string): string | undefined {
  return Deno.env.get(name);
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
  const overrides = options.set.map((set) => ({ set, shown: `--set ${showSet(set)}` }));
  const add = (option: string, value: string | undefined, ...keys: string[]) => {
    if (value === undefined) return;
    for (const key of keys) {
      overrides.push({ set: key, shown: `--${option} ${hideUserInfo(value)}` });
    }
  };
  const role = options.mode === undefined ? roleFromEnvironment(readEnvironment) : undefined;
  add("mode", options.mode ?? role, `simulation.mode=${options.mode ?? role}`);
  add("duration", options.duration, `simulation.duration=${options.duration}`);
  add("seed", options.seed, `simulation.seed=${options.seed}`);
  add("log-format", options.logFormat, `logs.format=${options.logFormat}`);
  const url = JSON.stringify(options.natsUrl);
  add("nats-url", options.natsUrl, "nats.mode=external", `nats.url=${url}`);
  return overrides;
}

/** Makes a folder to write to and gives its whole path: whoever resumes the run may do so from elsewhere. */
async function openFolder(path: string, hint: string): Promise<string> {
  try {
    await Deno.mkdir(path, { recursive: true });
    // Whether it can be written to shows by writing.
    await Deno.remove(await Deno.makeTempFile({ dir: path, prefix: ".parti-" }));
    return await Deno.realPath(path);
  } catch (cause) {
    throw new PartiError("PARTI_INVALID_CONFIG", `cannot use the folder ${path}: ${cause}`, {
      value: path,
      hint,
      cause,
    });
  }
}

function anotherWith(option: string): string {
  return `name another one with ${option}`;
}
