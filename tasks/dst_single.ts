/**
 * `deno task dst` with one run: a seed or a plan once more, with its trace if that is wanted.
 *
 * @module
 */

import { describePlan, type Plan } from "../lib/dst/plan/plan.ts";
import type { RunFailure, RunResult } from "../lib/dst/run_plan.ts";
import { type AnyWorkload, expandPlan } from "../lib/dst/workload.ts";
import { isPartiError, PartiError } from "../lib/errors.ts";
import { formatDuration } from "../sim/config/units.ts";
import { note, say } from "./console.ts";
import { ChildEnded, DstChild, killChildren } from "./dst_child.ts";
import { makeFolder, readPlan, replayCommand, writeJson, writePlan } from "./dst_files.ts";
import type { DstOptions } from "./dst_options.ts";
import { differenceOf, lost } from "./dst_pool.ts";
import { indent } from "./dst_report.ts";
import { SHRINK_FOLDER, shrinkAndSay } from "./dst_shrink.ts";
import { showCount } from "./dst_status.ts";
import { chooseWorkloads } from "./dst_workloads.ts";
import { exitCodes, withExitCode } from "./exit_codes.ts";
import { interruptible } from "./interruptible.ts";
import { withProgress } from "./progress.ts";

/**
 * Runs one seed or one plan.
 *
 * @param workloads to choose from
 * @param options which, and how
 * @returns the exit code
 * @throws {PartiError} for bad input
 */
export async function runSingle(
  workloads: readonly AnyWorkload[],
  options: DstOptions,
): Promise<number> {
  const plan = await planOf(workloads, options);
  const folder = options.out ?? (options.shrink ? SHRINK_FOLDER : undefined);
  if (folder !== undefined) await makeFolder(folder);
  for (const line of describePlan(plan)) say(line);
  const ran = await runInChild(plan, options);
  const failure = "failure" in ran ? ran.failure : ran;
  for (const line of render(plan, ran)) say(line);
  if (options.out !== undefined) {
    const name = `${plan.workload}-${plan.seed}`;
    say(`  ${await writePlan(options.out, name, plan)}`);
    const result = "failure" in ran ? ran : { ...ran, workload: plan.workload, seed: plan.seed };
    await writeJson(`${options.out}/report.json`, result);
  }
  if (failure === null) return exitCodes.pass;
  if (options.shrink) await shrinkAndSay(plan, failure, options);
  else say(`  ${againCommand(plan, failure, options)}`);
  return exitCodes.fail;
}

async function planOf(workloads: readonly AnyWorkload[], options: DstOptions): Promise<Plan> {
  const { what } = options;
  if (what.kind === "plan") {
    const plan = await readPlan(what.file);
    for (const workload of chooseWorkloads(workloads, [plan.workload])) {
      checkFrom(what.file, workload, plan);
    }
    return plan;
  }
  const chosen = chooseWorkloads(workloads, options.workloads);
  if (chosen.length > 1 || what.kind !== "seed") {
    throw new PartiError("PARTI_INVALID_CONFIG", "--seed needs to know which workload", {
      hint: `name one with --workload: ${chosen.map(({ name }) => name).join(", ")}`,
    });
  }
  try {
    return expandPlan(chosen[0]!, what.seed);
  } catch (error) {
    // Among many seeds this one has failed.
    throw withExitCode(error, exitCodes.fail);
  }
}

/** A plan from a file is refused by what the workload says of it, with the file's name. */
function checkFrom(file: string, workload: AnyWorkload, plan: Plan): void {
  try {
    workload.check?.(plan);
  } catch (error) {
    if (!isPartiError(error, "PARTI_INVALID_CONFIG")) throw error;
    const { value, hint } = error;
    throw new PartiError("PARTI_INVALID_CONFIG", `${file}: ${error.message}`, {
      value,
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}

/** The result, or the failure if the process was lost. */
async function runInChild(plan: Plan, options: DstOptions): Promise<RunResult | RunFailure> {
  const result = await runOnce(plan, options);
  if (!options.twice || !("failure" in result) || result.failure?.kind === "divergence") {
    return result;
  }
  const other = await runOnce(plan, { ...options, twice: false, trace: false });
  if (!("failure" in other)) return other;
  const failure = differenceOf(result.hash, other.hash);
  return failure === undefined ? result : { ...result, verdict: "fail", failure };
}

/** In a process of its own. */
async function runOnce(plan: Plan, options: DstOptions): Promise<RunResult | RunFailure> {
  const { twice, trace } = options;
  const child = new DstChild(options);
  using _interrupt = interruptible(() => {
    killChildren();
    Deno.exit(exitCodes.unknown);
  });
  try {
    const work = () =>
      child.ask({ kind: "plan", plan, twice, trace }, (reply) => {
        if (reply.kind === "trace") say(reply.line);
      });
    const last = await withProgress(`running ${plan.workload}, seed ${plan.seed}`, note, work);
    if (last.kind !== "ran") throw new ChildEnded("died", `an answer of kind ${last.kind}`);
    return last.result;
  } catch (error) {
    if (error instanceof ChildEnded) return lost(error);
    throw error;
  } finally {
    await child.close();
  }
}

function againCommand(plan: Plan, { kind }: RunFailure, options: DstOptions): string {
  const twice = kind === "divergence";
  if (options.what.kind === "plan") {
    return replayCommand({ plan: options.what.file, twice }, options);
  }
  return replayCommand({ workload: plan.workload, seed: plan.seed, twice }, options);
}

function render(plan: Plan, ran: RunResult | RunFailure): string[] {
  const name = `${plan.workload}, seed ${plan.seed}`;
  const failure = "failure" in ran ? ran.failure : ran;
  const lines: string[] = [];
  if ("failure" in ran) {
    const { events, virtualMs, wallMs, hash } = ran;
    const figures = `${showCount(events)} events, ${formatDuration(virtualMs)} simulated`;
    lines.push(`${name}: ${figures} in ${formatDuration(wallMs)}, hash ${hash}`);
  }
  if (failure === null) return [...lines, `${name}: pass`];
  const { kind, check, message, atMs, stack } = failure;
  return [
    ...lines,
    `${name}: fail: ${kind} "${check}" after ${formatDuration(atMs)}: ${indent(message)}`,
    ...(stack === "" ? [] : [`  ${indent(stack)}`]),
  ];
}
