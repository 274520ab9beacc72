/**
 * The workload `core`: a whole group of workers, the library's own code unmodified, under load while everything goes wrong; then the faults
 * heal, and the group must be whole again.
 *
 * @module
 */
import { resolveConfig } from "../../config/config.ts";
import type { Moment } from "./ambush.ts";
import type { PlanStep } from "../plan/plan.ts";
import { defineWorkload, playSteps, type Simulation } from "../workload.ts";
import { checkCorePlan } from "./check_steps.ts";
import { CONVERGENCE_MS, type CoreCatalog, coreCatalog } from "./catalog.ts";
import { CoreCluster } from "./cluster.ts";
import { expandCore } from "./expand.ts";
import { FaultInjector } from "./faults.ts";
import { groupConfig } from "./group_config.ts";
import { leftAtLast } from "./leftovers.ts";
import { type CoreParameters, readParameters } from "./parameters.ts";
import { simplifyCore } from "./simplify.ts";
import { instability } from "./stability.ts";

const LOOK_MS = 250;
/** How long a group may take to stop, in virtual milliseconds. */
const STOP_MS = 60_000;
/** A group has to be whole for so many TTLs of its leases. */
const HOLD_TTLS = 2;
/** So many slow messages in a row are not to be excluded. */
const SLOW_IN_A_ROW = 6;
/** Whoever takes less than this share of the time there is for a stop has handed everything over. */
const IN_TIME = 0.75;

/** The workload. */
export const coreWorkload = defineWorkload<CoreCatalog>({
  name: "core",
  description: "a group of workers on a stream while processes, network, clocks and server fail",
  assertions: coreCatalog,
  limits: { virtualMs: 1_200_000, events: 3_000_000 },
  // LogTape keeps its loggers by weak references; nothing else hangs on when they go.
  stubs: { allow: ["WeakRef"] },
  expand: expandCore,
  check: checkCorePlan,
  simplify: simplifyCore,
  run: runCore,
});

async function runCore(simulation: Simulation<CoreCatalog>): Promise<void> {
  const { kernel, plan } = simulation;
  const parameters = readParameters(plan.parameters);
  const cluster = new CoreCluster(simulation, parameters);
  await cluster.open();
  const injector = new FaultInjector(simulation, cluster);
  const producing = simulation.awaiting("the producers", cluster.producers.run());
  const act = (step: PlanStep) =>
    OPERATIONS.has(step.kind) ? operate(cluster, step) : injector.inject(step);
  await Promise.all([
    playSteps(simulation, plan.operations, act),
    playSteps(simulation, plan.faults, act),
    kernel.sleep(parameters.loadMs, "the load"),
  ]);
  injector.heal();
  cluster.producers.stop();
  await producing;
  await populate(simulation, cluster);
  // A partition whose lane has died with an empty feed looks well until something comes.
  await simulation.awaiting("a last message to each", cluster.producers.visitAll());
  await converge(simulation, cluster, parameters);
  await end(simulation, cluster, parameters);
}

/** What is done on purpose. A fault may bring operations along, such as the restart of what it has killed. */
const OPERATIONS: ReadonlySet<string> = new Set([
  "start",
  "fill",
  "stop",
  "stop-when",
  "refresh",
  "add",
  "remove",
  "weigh",
]);

function operate(cluster: CoreCluster, { kind, args }: PlanStep): void | Promise<void> {
  const { fleet, ambushes } = cluster;
  const node = Number(args["node"]);
  const count = Number(args["count"]);
  switch (kind) {
    case "start":
      return fleet.start(node);
    case "fill":
      return fleet.fill();
    case "stop": {
      const member = fleet.find(node);
      // What it takes is not waited for: others go on meanwhile.
      if (member !== undefined) void fleet.stop(member);
      return;
    }
    case "stop-when":
      return ambushes.arm({
        moment: args["state"] as Moment,
        delayMs: Number(args["delayMs"]),
        strike: (member) => void fleet.stop(member),
      });
    case "refresh":
      // Refused while there is no leader; that is not what is tested here.
      return void fleet.find(node)?.manager.refreshPartitions()
        .catch((error) => cluster.observer.told(error));
    case "add":
      return cluster.add(count, Number(args["weight"]));
    case "remove":
      return cluster.remove(count);
    case "weigh":
      return cluster.weigh(count, Number(args["weight"]));
  }
}

/** A group of nobody has nothing to show. Where every machine is taken by somebody on its way out, one will be free soon. */
async function populate(
  { kernel }: Simulation<CoreCatalog>,
  { fleet }: CoreCluster,
): Promise<void> {
  while (fleet.wanted.length === 0) {
    await fleet.fill();
    if (fleet.wanted.length === 0) await kernel.sleep(LOOK_MS, "a free machine");
  }
}

/** The group is whole when it stays so: a lease that is not renewed shows after its TTL, and a group that flaps is never whole for long. */
async function converge(
  { kernel }: Simulation<CoreCatalog>,
  cluster: CoreCluster,
  parameters: CoreParameters,
): Promise<void> {
  const holdMs = HOLD_TTLS * resolveConfig(groupConfig(parameters)).heartbeatTtlMs;
  const sinceMs = kernel.nowMs;
  let wholeSinceMs = sinceMs;
  for (;;) {
    const { nowMs } = kernel;
    const problem = instability(cluster, parameters.ids);
    if (problem !== undefined) wholeSinceMs = nowMs;
    const tookMs = wholeSinceMs - sinceMs;
    if (nowMs - wholeSinceMs >= holdMs || tookMs > CONVERGENCE_MS) {
      return cluster.observer.converged(tookMs, problem, cluster.partitionNames);
    }
    await kernel.sleep(LOOK_MS, "look");
  }
}

/** Everybody stops, and nothing may be left. */
async function end(
  { kernel }: Simulation<CoreCatalog>,
  { fleet, server, observer }: CoreCluster,
  parameters: CoreParameters,
): Promise<void> {
  const sinceMs = kernel.nowMs;
  fleet.close();
  // Whoever was on its way out before may have run out of time while the faults lasted, and on a slow network leases are lost.
  let isInTime = !isSlow(parameters) && fleet.alive.every((member) => member.wanted);
  const stopping = Promise.all(fleet.alive.map(async (member) => {
    const { shutdownTimeoutMs } = member.manager.config;
    await fleet.stop(member);
    if (kernel.nowMs - sinceMs > IN_TIME * shutdownTimeoutMs) isInTime = false;
  }));
  await Promise.race([stopping, kernel.sleep(STOP_MS, "the end")]);
  observer.stopped(fleet.alive.map(({ owner }) => `the process ${owner.name}`));
  const { recent } = observer.assignments;
  observer.stopped(await leftAtLast(kernel, server, parameters, { isInTime, recent }));
}

/** Whether a few slow messages in a row cost a lease. */
function isSlow(parameters: CoreParameters): boolean {
  const { latencyMaxMs, slowChance } = parameters;
  const slowestMs = latencyMaxMs * (slowChance > 0 ? 10 : 1);
  return SLOW_IN_A_ROW * slowestMs > resolveConfig(groupConfig(parameters)).heartbeatTtlMs;
}
