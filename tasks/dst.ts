/**
 * What `deno task dst` does: runs the seeds of each workload, says what came of it, and makes failing plans smaller.
 *
 * @module
 */

import { type AnyWorkload, expandPlan } from "../lib/dst/workload.ts";
import { note, say } from "./console.ts";
import { Campaign, type CampaignGoal } from "./dst_campaign.ts";
import { killChildren } from "./dst_child.ts";
import { makeFolder, replayCommand, writeJson, writePlan } from "./dst_files.ts";
import { type DstOptions, type RawDstOptions, readOptions } from "./dst_options.ts";
import { runCampaign } from "./dst_pool.ts";
import {
  type DstVerdict,
  renderWorkload,
  type ReportedFailure,
  reportOf,
  type WorkloadReport,
  worst,
} from "./dst_report.ts";
import { SHRINK_FOLDER, shrinkAndSay } from "./dst_shrink.ts";
import { runSingle } from "./dst_single.ts";
import { processStatus, showPace } from "./dst_status.ts";
import { chooseWorkloads, loadWorkloads, ofSuite } from "./dst_workloads.ts";
import { exitCodes } from "./exit_codes.ts";
import { interruptible } from "./interruptible.ts";

const EXIT_CODES: Readonly<Record<DstVerdict, number>> = {
  pass: exitCodes.pass,
  fail: exitCodes.fail,
  unknown: exitCodes.unknown,
};

const STATUS_EVERY_MS = 200;
/** Different failures that are shrunk; the same one in other seeds is not. */
const SHRINK_MAX = 3;

/**
 * Runs the deterministic simulation.
 *
 * @param raw the options as they were given
 * @returns the exit code
 * @throws {PartiError} for bad input
 */
export async function runDst(raw: RawDstOptions): Promise<number> {
  const options = readOptions(raw, navigator.hardwareConcurrency);
  const workloads = ofSuite(await loadWorkloads(options.registry), raw.suite);
  if (raw.list) return list(chooseWorkloads(workloads, options.workloads));
  if (options.what.kind !== "many") return await runSingle(workloads, options);
  const chosen = chooseWorkloads(workloads, options.workloads);
  const folder = options.out ?? (options.shrink ? SHRINK_FOLDER : undefined);
  if (folder !== undefined) await makeFolder(folder);
  const { goal } = options.what;
  const startMs = performance.now();
  const reports: WorkloadReport[] = [];
  using interrupt = interruptible(
    () => note("interrupted: finishing what is running (again to stop at once)"),
    killChildren,
  );
  for (const workload of chosen) {
    if (interrupt.signal.aborted) break;
    const timeMs = goal.timeMs / chosen.length;
    reports.push(await runMany(workload, { ...goal, timeMs }, options, interrupt.signal));
  }
  const verdict = interrupt.signal.aborted
    ? worst([...reports.map((report) => report.verdict), "unknown"])
    : worst(reports.map((report) => report.verdict));
  if (options.out !== undefined) {
    const elapsedMs = performance.now() - startMs;
    const { jobs, twice } = options;
    await writeJson(`${options.out}/report.json`, { verdict, elapsedMs, jobs, twice, reports });
    say(`Report: ${options.out}/report.json`);
  }
  if (reports.length > 1) say(`verdict: ${verdict}`);
  return EXIT_CODES[verdict];
}

async function runMany(
  workload: AnyWorkload,
  goal: CampaignGoal,
  options: DstOptions,
  signal: AbortSignal,
): Promise<WorkloadReport> {
  const { jobs } = options;
  const campaign = new Campaign(workload, goal, jobs, () => performance.now());
  const stop = () => campaign.interrupt();
  signal.addEventListener("abort", stop);
  const status = processStatus();
  const onProgress = () => status.update(() => statusText(campaign));
  const timer = setInterval(onProgress, STATUS_EVERY_MS);
  try {
    await runCampaign(campaign, { ...options, onProgress });
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", stop);
    status.clear();
  }
  const report = reportOf(campaign, options.allowMisses, ({ seed, failure }) => {
    const twice = failure.kind === "divergence";
    return replayCommand({ workload: workload.name, seed, twice }, options);
  });
  if (options.out !== undefined) await writeFailures(workload, report.failures, options.out);
  for (const line of [...renderWorkload(report), ""]) say(line);
  if (options.shrink && !signal.aborted) await shrinkFirst(workload, report.failures, options);
  return report;
}

function statusText({ workload, goal, summary, elapsedMs, failures }: Campaign): string {
  const of = goal.maxSeeds < 1_000_000 ? ` of ${goal.maxSeeds}` : "";
  const more = failures.length === 0 ? "" : ` · ${summary.failed} failed`;
  return `${workload.name}${of === "" ? "" : ` ${summary.runs}${of}`}: ${
    showPace(summary, elapsedMs)
  }${more}`;
}

async function writeFailures(
  workload: AnyWorkload,
  failures: readonly ReportedFailure[],
  folder: string,
): Promise<void> {
  for (const { seed, failure, files } of failures) {
    // Of such a seed there is no plan.
    if (failure.check === "expand") continue;
    const plan = expandPlan(workload, seed);
    files.push(await writePlan(folder, `${workload.name}-${seed}`, plan));
  }
}

/** The first failing seed of each kind and check. */
async function shrinkFirst(
  workload: AnyWorkload,
  failures: readonly ReportedFailure[],
  options: DstOptions,
): Promise<void> {
  const seen = new Set<string>();
  for (const { seed, failure, files } of failures) {
    const { kind, check } = failure;
    if (seen.size === SHRINK_MAX || seen.has(`${kind} ${check}`)) continue;
    seen.add(`${kind} ${check}`);
    if (check === "expand") continue;
    const file = await shrinkAndSay(expandPlan(workload, seed), failure, options);
    if (file !== undefined) files.push(file);
  }
}

function list(workloads: readonly AnyWorkload[]): number {
  for (const { name, description, assertions } of workloads) {
    say(`${name}: ${description}`);
    for (const [assertion, { kind, about }] of Object.entries(assertions)) {
      say(`  ${kind}  ${assertion}: ${about}`);
    }
  }
  return exitCodes.pass;
}
