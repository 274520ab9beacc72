/**
 * The child process of the deterministic simulation's driver: runs what it is asked to, one thing after the other, without any permission
 * but to read the code it runs.
 *
 * @module
 */

import { shrink } from "../lib/dst/plan/shrink.ts";
import type { Plan } from "../lib/dst/plan/plan.ts";
import { runPlan, type RunResult, runSeed, runTwice } from "../lib/dst/run_plan.ts";
import type { TraceRecord } from "../lib/dst/kernel/trace.ts";
import { emptySummary, mergeSummaries, summarise } from "../lib/dst/summary.ts";
import type { AnyWorkload } from "../lib/dst/workload.ts";
import { chooseWorkloads, loadWorkloads } from "./dst_workloads.ts";
import {
  type ChildSpec,
  type PlanRequest,
  type Reply,
  type Request,
  type SeedsRequest,
  type ShrinkRequest,
  writeReply,
} from "./dst_wire.ts";
import { exitWhenParentDies } from "./spawn.ts";

// Taken before a run puts throwing stubs in the place of the globals.
const now = performance.now.bind(performance);
const write = Deno.stdout.writeSync.bind(Deno.stdout);
const memoryUsage = Deno.memoryUsage;
const encoder = new TextEncoder();

const OPTIONS = { now };

/**
 * Runs this process as a child of the driver. It ends with the driver.
 *
 * @param spec how it was started
 */
export async function runDstChild(spec: ChildSpec): Promise<void> {
  const workloads = loadWorkloads(spec.registry ?? undefined);
  // Ctrl-C reaches the whole process group, and what stops a job or a container often does too; the driver decides when we end.
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => {});
  let last: Promise<void> = workloads.then(() => {});
  const onLine = (line: string) => {
    last = last.then(async () => {
      const request: Request = JSON.parse(line);
      const name = request.kind === "seeds" ? request.workload : request.plan.workload;
      await answer(chooseWorkloads(await workloads, [name])[0]!, request);
    });
  };
  exitWhenParentDies({ onLine });
  // The driver ends us by closing the pipe.
  await new Promise(() => {});
}

async function answer(workload: AnyWorkload, request: Request): Promise<void> {
  switch (request.kind) {
    case "seeds":
      return await runSeeds(workload, request);
    case "plan":
      return await runOne(workload, request);
    case "shrink":
      return await shrinkOne(workload, request);
  }
}

async function runSeeds(workload: AnyWorkload, request: SeedsRequest): Promise<void> {
  const run = runner(workload, request.twice);
  const catalog = workload.assertions;
  let summary = emptySummary(catalog);
  for (let seed = request.first; seed < request.first + request.count; seed++) {
    const result = await runSeed(workload, seed, run);
    summary = mergeSummaries(catalog, summary, summarise(catalog, result));
    reply({ kind: "seed", seed, failure: result.failure, hash: result.hash });
  }
  reply({ kind: "seeds", summary, memoryBytes: memoryUsage().rss });
}

async function runOne(
  workload: AnyWorkload,
  { plan, twice, trace }: PlanRequest,
): Promise<void> {
  // One by one: of a run that never ends, the last ones tell most.
  const onTrace = (record: TraceRecord) => reply({ kind: "trace", line: showRecord(record) });
  const run = twice ? runTwice : runPlan;
  const result = await run(workload, plan, trace ? { ...OPTIONS, onTrace } : OPTIONS);
  reply({ kind: "ran", result });
}

async function shrinkOne(workload: AnyWorkload, request: ShrinkRequest): Promise<void> {
  const run = runner(workload, request.failure.kind === "divergence");
  const result = await shrink({
    ...request,
    now,
    run: async (plan) => {
      const result = await run(plan);
      reply({ kind: "tried" });
      return result;
    },
    onProgress: (progress) => reply({ kind: "smaller", ...progress }),
    ...(workload.simplify === undefined
      ? {}
      : { simplify: (plan: Plan) => workload.simplify!(plan) }),
  });
  reply({ kind: "shrunk", result });
}

function runner(workload: AnyWorkload, twice: boolean): (plan: Plan) => Promise<RunResult> {
  const run = twice ? runTwice : runPlan;
  return (plan) => run(workload, plan, OPTIONS);
}

function showRecord({ atMs, owner, label, value }: TraceRecord): string {
  const more = value === 0 ? "" : ` ${value}`;
  return `${atMs.toFixed(3).padStart(14)} ms  ${owner === "" ? "-" : owner}  ${label}${more}`;
}

function reply(what: Reply): void {
  const bytes = encoder.encode(writeReply(what));
  for (let done = 0; done < bytes.length;) done += write(bytes.subarray(done));
}
