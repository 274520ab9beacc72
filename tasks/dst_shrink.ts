/**
 * Makes failing plans as small as they can be, and says what is left of them.
 *
 * @module
 */

import { describePlan, type Plan } from "../lib/dst/plan/plan.ts";
import type { ShrinkResult } from "../lib/dst/plan/shrink.ts";
import type { RunFailure } from "../lib/dst/run_plan.ts";
import { formatDuration } from "../sim/config/units.ts";
import { note, say } from "./console.ts";
import { ChildEnded, DstChild } from "./dst_child.ts";
import { replayCommand, writePlan } from "./dst_files.ts";
import type { DstOptions } from "./dst_options.ts";
import { countOf, indent } from "./dst_report.ts";
import { processStatus } from "./dst_status.ts";

const RUNS_MAX = 10_000;

/** Where shrunk plans go if no folder was named. */
export const SHRINK_FOLDER = "out/dst";

/**
 * Shrinks a failing plan, prints it, and writes it to a file.
 *
 * @param plan the plan
 * @param failure how it fails
 * @param options how to run, and where the file goes
 * @returns the file's path; undefined if there was nothing to write
 */
export async function shrinkAndSay(
  plan: Plan,
  failure: RunFailure,
  options: DstOptions,
): Promise<string | undefined> {
  const { kind, check } = failure;
  const name = `${plan.workload}, seed ${plan.seed}`;
  let shrunk: ShrinkResult;
  try {
    shrunk = await shrinkInChild(plan, failure, options);
  } catch (error) {
    if (!(error instanceof ChildEnded)) throw error;
    note(`${name} cannot be shrunk: ${error.message}`);
    return undefined;
  }
  if (!shrunk.reproduced) {
    note(`${name} cannot be shrunk: run again, it did not end with ${kind} "${check}"`);
    return undefined;
  }
  const file = await writePlan(
    options.out ?? SHRINK_FOLDER,
    `${plan.workload}-${plan.seed}-small`,
    shrunk.plan,
  );
  for (const line of render(plan, shrunk, failure)) say(line);
  const command = replayCommand({ plan: file, twice: kind === "divergence" }, options);
  say(`  ${command}`);
  return file;
}

async function shrinkInChild(
  plan: Plan,
  { kind, check, message }: RunFailure,
  options: DstOptions,
): Promise<ShrinkResult> {
  const status = processStatus();
  const child = new DstChild(options);
  let runs = 0;
  let left = { operations: plan.operations.length, faults: plan.faults.length };
  try {
    const failure = { kind, check, message };
    const request = { plan, failure, maxRuns: RUNS_MAX, maxMs: options.shrinkMs };
    const last = await child.ask({ kind: "shrink", ...request }, (reply) => {
      if (reply.kind === "tried") runs++;
      if (reply.kind === "smaller") left = reply;
      const text = `${left.operations} operations, ${left.faults} faults left`;
      status.update(() => `shrinking ${plan.workload}, seed ${plan.seed}: ${runs} runs, ${text}`);
    });
    if (last.kind !== "shrunk") throw new ChildEnded("died", `an answer of kind ${last.kind}`);
    return last.result;
  } finally {
    status.clear();
    await child.close();
  }
}

function render(plan: Plan, shrunk: ShrinkResult, failure: RunFailure): string[] {
  const { kind, check, message } = failure;
  const now = shrunk.result.failure?.message ?? "";
  const { runs, elapsedMs, complete } = shrunk;
  const count = (of: Plan) =>
    `${countOf(of.operations.length, "operation")} and ${countOf(of.faults.length, "fault")}`;
  return [
    "",
    `shrunk ${plan.workload}, seed ${plan.seed}: from ${count(plan)} to ${count(shrunk.plan)}, ` +
    `${runs} runs in ${formatDuration(elapsedMs)}`,
    ...(complete ? [] : ["  the budget was used up: --shrink-time gives it more"]),
    ...describePlan(shrunk.plan).map((line) => `  ${line}`),
    `  ${kind} "${check}": ${indent(now)}`,
    // The same assertion may see something else of a smaller plan.
    ...(now === message ? [] : [`  before it was made smaller: ${indent(message)}`]),
  ];
}
