/**
 * The process of a worker.
 *
 * @module
 */
import process from "node:process";
import type { Clock } from "../../lib/ports/clock.ts";
import { nowUs } from "../streams/message.ts";
import { complain, runChild } from "../wire/child.ts";
import type { Reporter } from "../wire/reporter.ts";
import {
  type ChildSpec,
  controlSubject,
  fromBytes,
  toBytes,
  type WorkerCommand,
} from "../wire/wire.ts";
import { createGroupMember } from "./group_member.ts";
import { Holdings } from "./holdings.ts";
import { HookWatch } from "./hook_watch.ts";
import type { MetricsReport } from "./metrics_report.ts";
import { partitionSource } from "./partition_source.ts";
import { SelfWatch } from "./self_watch.ts";
import { SimWorker } from "./worker.ts";

/**
 * Runs this process as a worker.
 *
 * @param spec the argument of the child
 */
export function runWorker(spec: ChildSpec): Promise<void> {
  return runChild(spec, async ({ world, reporter }) => {
    const holdings = new Holdings(nowUs, (change, partitions, atUs) => {
      reporter.add({ kind: "lanes", change, partitions, atUs });
    });
    const watch = new HookWatch((message) => reporter.add({ kind: "violation", message }, "now"));
    const metrics = await metricsReport(spec, world.clock, reporter);
    const member = createGroupMember({
      ...{ world, spec, holdings, watch, metrics: metrics?.collector },
      source: await partitionSource(spec, world, complain),
      onChange: () => worker.reportStatus(),
    });
    const worker = new SimWorker(spec, world, member, reporter);
    using _watch = new SelfWatch({
      clock: world.clock,
      messaging: world.messaging,
      nowUs,
      cpuMs,
      onImpaired: (why, fromUs, untilUs) => {
        reporter.add({ kind: "impaired", why, fromUs, untilUs });
      },
    });
    const terminated = new Promise<void>((resolve) =>
      Deno.addSignalListener("SIGTERM", () => resolve())
    );
    world.messaging.subscribe(controlSubject(spec.runId, spec.process), async (notice) => {
      const { command } = fromBytes<WorkerCommand>(notice.data);
      if (command === "report") await reporter.flush();
      if (command === "slow" || command === "quick") worker.setSlow(command === "slow");
      notice.respond(toBytes(command === "status" ? member.status() : command));
    });
    reporter.add({ kind: "hello", pid: Deno.pid, atUs: nowUs() }, "now");
    await worker.start();
    await terminated;
    await worker.stop();
    await metrics?.[Symbol.asyncDispose]();
    await reporter.flush();
  });
}

/** How long processors have worked for this process, in milliseconds, all its threads together. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Loaded only where it is wanted: it takes a worker's start longer. */
async function metricsReport(
  { config }: ChildSpec,
  clock: Clock,
  reporter: Reporter,
): Promise<MetricsReport | undefined> {
  if (!config.metrics.prometheus.enabled) return undefined;
  // Not to be seen by `deno compile`, as `../metrics/family.ts` says.
  const module = new URL("./metrics_report.ts", import.meta.url).href;
  const { MetricsReport }: typeof import("./metrics_report.ts") = await import(module);
  return new MetricsReport({ clock, report: (report) => reporter.add(report) });
}
