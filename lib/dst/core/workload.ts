/**
 * The workload `core`: a whole group of workers, the library's own code unmodified, under load while everything goes wrong; then the faults
 * heal, and the group must be whole again.
 *
 * @module
 */
import type { PlanStep } from "../plan/plan.ts";
import { defineWorkload, playSteps, type Simulation } from "../workload.ts";
import { CONVERGENCE_MS, type CoreCatalog, coreCatalog } from "./catalog.ts";
import { CoreCluster } from "./cluster.ts";
import { expandCore } from "./expand.ts";
import { FaultInjector } from "./faults.ts";
import { readParameters } from "./parameters.ts";
import { simplifyCore } from "./simplify.ts";
import { instability } from "./stability.ts";

const LOOK_MS = 250;
/** How long a group may take to stop, in virtual milliseconds. */
const STOP_MS = 60_000;

/** The workload. */
export const coreWorkload = defineWorkload<CoreCatalog>({
  name: "core",
  description: "a group of workers on a stream while processes, network, clocks and server fail",
  assertions: coreCatalog,
  limits: { virtualMs: 900_000, events: 3_000_000 },
  // LogTape keeps its loggers by weak references; nothing else hangs on when they go.
  stubs: { allow: ["WeakRef"] },
  expand: (_seed, draws) => expandCore(draws),
  simplify: simplifyCore,
  run: runCore,
});

async function runCore(simulation: Simulation<CoreCatalog>): Promise<void> {
  const { kernel, plan } = simulation;
  const parameters = readParameters(plan.parameters);
  const cluster = new CoreCluster(simulation, parameters);
  await cluster.open();
  const injector = new FaultInjector(simulation, cluster);
  const producing = simulation.awaiting("the producer", cluster.producer.run());
  const steps = Promise.all([
    playSteps(simulation, plan.operations, (step) => operate(cluster, step)),
    playSteps(
      simulation,
      plan.faults,
      (step) =>
        step.kind === "start" ? cluster.start(Number(step.args["node"])) : injector.inject(step),
    ),
    kernel.sleep(parameters.loadMs, "the load"),
  ]);
  await steps;
  injector.heal();
  cluster.producer.stop();
  await producing;
  if (cluster.wanted.length === 0) await cluster.start(0);
  await converge(simulation, cluster);
  await end(simulation, cluster);
}

function operate(cluster: CoreCluster, { kind, args }: PlanStep): void | Promise<void> {
  const node = Number(args["node"]);
  const count = Number(args["count"]);
  switch (kind) {
    case "start":
      return cluster.start(node);
    case "stop": {
      const member = cluster.find(node);
      // What it takes is not waited for: others go on meanwhile.
      if (member !== undefined) void cluster.stop(member);
      return;
    }
    case "refresh":
      // Refused while there is no leader; that is not what is tested here.
      return void cluster.find(node)?.manager.refreshPartitions().catch(() => {});
    case "add":
      return cluster.add(count, Number(args["weight"]));
    case "remove":
      return cluster.remove(count);
    case "weigh":
      return cluster.weigh(count, Number(args["weight"]));
  }
  throw new Error(`there is no operation called ${kind}`);
}

async function converge(
  { kernel, assertions }: Simulation<CoreCatalog>,
  cluster: CoreCluster,
): Promise<void> {
  const sinceMs = kernel.nowMs;
  for (;;) {
    const problem = instability(cluster);
    const tookMs = kernel.nowMs - sinceMs;
    if (problem === undefined || tookMs > CONVERGENCE_MS) {
      assertions.alwaysAtMost("the group converges", tookMs, problem ?? "");
      const lost = cluster.observer.waiting(cluster.partitionNames);
      assertions.always("nothing is lost", lost === 0, () => problem ?? "");
      return;
    }
    await kernel.sleep(LOOK_MS, "look");
  }
}

/** Everybody stops, and nothing may be left. */
async function end(
  { kernel, assertions }: Simulation<CoreCatalog>,
  cluster: CoreCluster,
): Promise<void> {
  const members = cluster.alive;
  const stopping = Promise.all(members.map((member) => cluster.stop(member)));
  await Promise.race([stopping, kernel.sleep(STOP_MS, "the end")]);
  const left = await cluster.leftOnServer();
  assertions.always("nothing leaks", left.length === 0, () => left.join(", "));
}
