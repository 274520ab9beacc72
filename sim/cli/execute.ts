/**
 * One run, from what it was asked to be to its files and its exit code.
 *
 * @module
 */
import { describeError, PartiError } from "../../lib/errors.ts";
import { exitCodes, withExitCode } from "../../tasks/exit_codes.ts";
import { type Interruptible, interruptible } from "../../tasks/interruptible.ts";
import { describePlan } from "../chaos/chaos_plan.ts";
import { checkpointsIn } from "../checkpoint/checkpoint_file.ts";
import type { SimulationConfig } from "../config/config.ts";
import { Coordinator } from "../coordinator/coordinator.ts";
import type { Outcome } from "../coordinator/conclude.ts";
import type { RunCheckpoint } from "../coordinator/run_checkpoint.ts";
import type { Asked } from "../coordinator/run_facts.ts";
import type { Ground } from "../ground/ground.ts";
import type { SimConsole } from "../console/status_line.ts";
import { REPORT_FILE, type SimReport, type Verdict } from "../report/report.ts";
import { renderReport } from "../report/report_block.ts";
import { SERIES_FILE } from "../series/series.ts";
import type { RunAccess } from "../wire/access.ts";
import { DERIVED_FILES, writeDerived } from "./ended_commands.ts";
import { openLogs } from "./open_logs.ts";

const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  pass: exitCodes.pass,
  fail: exitCodes.fail,
  unknown: exitCodes.unknown,
};

/** A run that can begin, or go on. */
export interface Input extends Asked {
  /** Who it is to the servers. */
  readonly access: RunAccess;
  /** The folder of the report. */
  readonly out: string;
  /** What is worth saying of the input. */
  readonly notes?: readonly string[];
  /** The run as it was, if it is to go on. */
  readonly resumed?: RunCheckpoint;
  /** The folder of what it needs to go on, if it is to be resumable. */
  readonly checkpointFolder?: string;
  /** Told that it has begun: from then on its folders are worth keeping, whatever comes of it. */
  readonly onBegin?: () => void;
}

/**
 * Runs it in this process, until it ends or is interrupted.
 *
 * @param console where it is said
 * @param input the run
 * @returns the exit code
 * @throws {PartiError} if the run could not begin, or not go on
 */
export async function runAlone(console: SimConsole, input: Input): Promise<number> {
  using interrupt = heedInterrupts(console);
  const { code, canGoOn } = await execute(console, input, interrupt.signal);
  const { checkpointFolder } = input;
  if (canGoOn) await sayGoOn(console, checkpointFolder!, input.config);
  else if (checkpointFolder !== undefined) await removeFolder(console, checkpointFolder);
  return code;
}

/**
 * Removes what a run would have needed to go on: it came to its end, and its verdict stands, whether or not it can be removed.
 *
 * @param console where it is said if it cannot
 * @param folder the folder
 */
export async function removeFolder(console: SimConsole, folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    console.log("WARN", `${folder} could not be removed: ${describeError(error)}`);
  }
}

/**
 * Heeds Ctrl-C, and says so.
 *
 * @param console where it is said
 */
export function heedInterrupts(console: SimConsole): Interruptible {
  return interruptible(() =>
    console.log("WARN", "Interrupted: stopping everything (again to stop at once)")
  );
}

/**
 * Coordinates it, writes its files and says what came of it.
 *
 * @param console where it is said
 * @param input the run
 * @param signal ends it early
 * @param ground what it stands on, where that is not to be its own
 * @returns the exit code, and whether the run did not come to its end and can go on
 * @throws {PartiError} if the run could not begin, or not go on
 */
export async function execute(
  console: SimConsole,
  input: Input,
  signal: AbortSignal,
  ground?: Ground,
): Promise<{ readonly code: number } & Pick<Outcome, "canGoOn">> {
  const { config, seed, out, notes = [], resumed } = input;
  using logs = openLogs(out, config, console, "coordinator");
  for (const note of notes) console.log("WARN", note);
  let begun = false;
  const onBegin = () => {
    begun = true;
    input.onBegin?.();
    if (resumed !== undefined) return;
    removeFormer(console, out);
    describeRun(console, config, describePlan(coordinator.plan));
  };
  const coordinator = new Coordinator({ ...input, console, logs, ground, onBegin, signal });
  await writeJson(`${out}/chaos-plan.json`, coordinator.plan);
  const { report, series, canGoOn } = await coordinator.run().catch((error) => {
    console.clear();
    // Before the run had begun it was the input or the surroundings; then the message says it all.
    if (!begun) throw error;
    console.print(`The run with seed ${seed} ended early.`);
    throw withExitCode(error, exitCodes.unknown);
  });
  // The verdict stands, whether or not it can be written, or shown.
  const unwritten = await writeResult(out, report, series);
  const page = await writeDerived({ folder: out, report, series }).catch((error) => {
    console.log("WARN", `The page could not be made: ${describeError(error)}`);
  });
  console.clear();
  console.log("INFO", completeLine(report));
  for (const line of renderReport(report)) console.print(line);
  if (unwritten !== undefined) {
    // What was seen to be broken is broken; that all was well nobody can look up.
    const code = report.verdict === "fail" ? exitCodes.fail : exitCodes.unknown;
    throw withExitCode(unwritten, code);
  }
  console.print(`Report: ${out}/${REPORT_FILE}`);
  if (page !== undefined) console.print(`Page:   ${page}`);
  return { code: EXIT_CODES[report.verdict], canGoOn };
}

/**
 * Says how a run goes on that did not come to its end.
 *
 * @param console where that is said
 * @param folder what it needs to go on
 * @param config where its servers are
 */
export async function sayGoOn(
  console: SimConsole,
  folder: string,
  { nats }: Pick<SimulationConfig, "nats">,
): Promise<void> {
  if ((await checkpointsIn(folder)).length === 0) return;
  console.print(`It can go on where it was: parti sim --resume ${folder}`);
  if (nats.mode === "external") console.print("Until it has, its streams stay on the server.");
}

/** If this run comes to no result, that of another one before it in the same folder must not be taken for it. */
function removeFormer(console: SimConsole, out: string): void {
  for (const name of [REPORT_FILE, SERIES_FILE, ...DERIVED_FILES]) {
    try {
      Deno.removeSync(`${out}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      console.log("WARN", `${out}/${name} is of another run: ${describeError(error)}`);
    }
  }
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

function completeLine({ messages }: SimReport): string {
  const { sent, received, lost, duplicateEffects } = messages;
  return `Simulation complete: ${sent} messages sent, ${received} received, ${lost} gaps, ` +
    `${duplicateEffects} duplicates`;
}

/** What programs read: all of a file or nothing of it. Returns what stood in the way. */
async function writeResult(
  out: string,
  report: SimReport,
  series: Outcome["series"],
): Promise<PartiError | undefined> {
  // Of the series a line for each number would only be long.
  const texts = [[REPORT_FILE, JSON.stringify(report, null, 2)], [
    SERIES_FILE,
    JSON.stringify(series),
  ]] as const;
  for (const [name, text] of texts) {
    const file = `${out}/${name}`;
    try {
      await Deno.writeTextFile(file, `${text}\n`);
    } catch (cause) {
      await Deno.remove(file).catch(() => {});
      return new PartiError("PARTI_INVALID_FILE", `cannot write ${file}: ${describeError(cause)}`, {
        value: file,
        hint: "is the disk full, or the folder gone? The verdict above stands all the same",
        cause,
      });
    }
  }
  return undefined;
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
