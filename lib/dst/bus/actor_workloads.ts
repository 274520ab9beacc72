/**
 * Phases 4 and 5 of the bus: actors in a directory, and everything at once.
 *
 * @module
 */
import { drawSites } from "../buggify.ts";
import { step } from "../core/expand_step.ts";
import { Healing } from "../core/healing.ts";
import { Draws } from "../draw.ts";
import { LATENCY_SHAPES, latencyOf, type LatencyShape } from "../latency.ts";
import type { JsonObject, PlanStep } from "../plan/plan.ts";
import { drawSwarm } from "../plan/swarm.ts";
import {
  type AnyWorkload,
  defineWorkload,
  type DrawsFor,
  playSteps,
  type Simulation,
} from "../workload.ts";
import { ACTOR_SITES, type ActorCatalog, actorCatalog } from "./actor_catalog.ts";
import {
  ActorFaults,
  drawActorFaults,
  FAMILIES,
  type FaultCatalog,
  type FaultTargets,
} from "./actor_faults.ts";
import type { ActorCallStep } from "./actor_payload.ts";
import { ActorRun } from "./actor_run.ts";
import type { CallRecord } from "./ledger.ts";
import { drawMood, isCalm, isCrashesOnly } from "./mood.ts";

/** How large a phase is. */
interface Size {
  readonly nodes: number;
  readonly actors: number;
  readonly operations: number;
  readonly loadMs: number;
  /** The share of the calls that go to three actors. */
  readonly hot: number;
  /** The share of the calls after which an actor ends, to begin elsewhere. */
  readonly moves: number;
}

/** Phase 4: three nodes, twenty actors. */
export const directoryWorkload: AnyWorkload = actorWorkload({
  name: "bus-4-directory",
  description: "actors on three nodes, found by a directory that fails, and placed anew",
  size: { nodes: 3, actors: 20, operations: 150, loadMs: 15_000, hot: 0.6, moves: 0.3 },
});

/** Phase 5: five nodes, a hundred actors, a thousand operations. */
export const chaosWorkload: AnyWorkload = actorWorkload({
  name: "bus-5-chaos",
  description: "a hundred actors on five nodes, and everything goes wrong at once",
  size: { nodes: 5, actors: 100, operations: 1_000, loadMs: 20_000, hot: 0.3, moves: 0.1 },
});

/** Whoever waits for so long gets an answer on a good day, and learns in time where nodes only crash, in milliseconds. */
const PATIENT_MS = 4_000;

const GOOD_DAY = "on a good day all calls succeed";

/** As many calls as ever wait for one actor, and as many places as a node may have to remember. */
const MANY = 1_000;
/** The share of the calls that are given up. */
const CANCELLED = 0.1;
/** After so long, in milliseconds. */
const CANCEL_MS = [0, 1, 10, 300];

interface ActorParameters extends JsonObject {
  readonly nodes: number;
  readonly actors: number;
  readonly loadMs: number;
  readonly shape: LatencyShape;
  readonly latencyMaxMs: number;
  readonly leaseTtlMs: number;
  readonly idleMs: number;
  readonly mailboxMax: number;
  readonly cacheMax: number;
}

function actorWorkload(
  { name, description, size }: {
    readonly name: string;
    readonly description: string;
    readonly size: Size;
  },
): AnyWorkload {
  return defineWorkload<ActorCatalog>({
    name,
    description,
    assertions: actorCatalog,
    // LogTape keeps its loggers by weak references; nothing else hangs on when they go.
    stubs: { allow: ["WeakRef"] },
    expand(seed, draws) {
      const drawn = drawSwarm(draws, [...FAMILIES, "buggify"]);
      const swarm = drawMood(drawn, draws);
      const isQuiet = Object.values(swarm).every((isOn) => !isOn);
      const own = draws("parameters");
      const parameters: ActorParameters = {
        ...{ nodes: size.nodes, actors: size.actors, loadMs: size.loadMs },
        shape: own.pick(LATENCY_SHAPES),
        latencyMaxMs: own.pick([0.5, 5, 40]),
        leaseTtlMs: own.pick([1_500, 3_000]),
        idleMs: own.pick([500, 3_000, 600_000]),
        // On a good day all calls are to succeed.
        mailboxMax: isQuiet ? MANY : own.pick([3, MANY, MANY]),
        cacheMax: isQuiet ? MANY : own.pick([5, MANY]),
      };
      return {
        parameters,
        operations: drawOperations(size, draws),
        faults: drawActorFaults(size, swarm, draws),
        buggify: swarm["buggify"] ? drawSites(seed, ACTOR_SITES) : {},
        swarm,
      };
    },
    *simplify(plan) {
      const { latencyMaxMs, shape } = plan.parameters as ActorParameters;
      const simpler = (what: string, change: Partial<ActorParameters>) => ({
        what,
        plan: { ...plan, parameters: { ...plan.parameters, ...change } as JsonObject },
      });
      if (latencyMaxMs > 0.5) yield simpler("a quick network", { latencyMaxMs: 0.5 });
      if (shape !== "uniform") yield simpler("an even network", { shape: "uniform" });
    },
    run: runActors,
  });
}

function drawOperations(
  { nodes, actors, operations, loadMs, hot, moves }: Size,
  draws: DrawsFor,
): PlanStep[] {
  return Array.from({ length: operations }, (_, n) => {
    const id = `operation-${n}`;
    const own = draws("operation", String(n));
    const isOneway = own.chance(0.2);
    const again = !isOneway && own.chance(0.3);
    return step(id, own.between(0, loadMs), isOneway ? "tell" : "call", {
      node: own.integer(0, nodes - 1),
      // Some are called often.
      actor: own.chance(hot) ? own.integer(0, 2) : own.integer(0, actors - 1),
      timeoutMs: again ? own.integer(4_000, 15_000) : own.pick([100, 1_000, 5_000]),
      workMs: own.pick([0, 0, 5, 100]),
      again,
      last: own.chance(moves),
      ...(!isOneway && own.chance(CANCELLED) ? { cancelAfterMs: own.pick(CANCEL_MS) } : {}),
    });
  });
}

async function runActors(simulation: Simulation<ActorCatalog>): Promise<void> {
  const { kernel, plan } = simulation;
  const parameters = plan.parameters as ActorParameters;
  const { nodes, actors, leaseTtlMs, idleMs, shape, latencyMaxMs, loadMs } = parameters;
  const { mailboxMax, cacheMax } = parameters;
  const run = new ActorRun(simulation, {
    ...{ nodes, actors, leaseTtlMs, idleMs, mailboxMax, cacheMax },
    network: (owner) => ({
      latencyMs: latencyOf(shape, latencyMaxMs, new Draws(plan.seed, "route", owner)),
    }),
  });
  await run.open();
  const healing = new Healing(kernel);
  const targets = run as unknown as FaultTargets;
  const faults = new ActorFaults(
    simulation as unknown as Simulation<FaultCatalog>,
    targets,
    healing,
    loadMs,
  );
  const calls: Promise<unknown>[] = [];
  await Promise.all([
    playSteps(simulation, plan.operations, ({ id, kind, args }) => {
      const how = args as unknown as ActorCallStep;
      calls.push(
        kind === "tell" ? run.tell(id, how) : run.call(id, how).then((record) => {
          if (record !== undefined && isPatient(how)) judge(simulation, run, record);
        }),
      );
    }),
    playSteps(simulation, plan.faults, (fault) => faults.inject(fault)),
    kernel.sleep(loadMs, "the load"),
  ]);
  healing.all();
  run.cluster.behave();
  await faults.end();
  const healedAtMs = kernel.nowMs;
  for (const node of run.nodeNames) await run.cluster.start(node);
  await run.converge(healedAtMs);
  await simulation.awaiting("the calls", Promise.all(calls));
  // The last calls may have begun actors, and ended some.
  await run.converge(kernel.nowMs);
  await run.callAll();
  if (isCalm(plan)) judgeTold(simulation, run);
  await run.end();
}

/** Whether its time is enough on a good day. */
function isPatient({ timeoutMs, cancelAfterMs }: ActorCallStep): boolean {
  return timeoutMs >= PATIENT_MS && cancelAfterMs === undefined;
}

/** What was told on a good day: nobody has answered it, but it must have come. */
function judgeTold({ plan, assertions }: Simulation<ActorCatalog>, run: ActorRun): void {
  for (const { id, kind, args } of plan.operations) {
    const how = args as unknown as ActorCallStep;
    if (kind !== "tell" || !isPatient(how)) continue;
    const times = run.ledger.find(id)?.executions;
    const isWell = times === 1 || run.farTold.has(run.actorId(how.actor));
    assertions.always(GOOD_DAY, isWell, `${id} was told, and handled ${times} times`);
  }
}

/** What came of a call that had time enough. */
function judge(
  { plan, assertions }: Simulation<ActorCatalog>,
  run: ActorRun,
  { token, once, outcomes: [outcome] }: CallRecord,
): void {
  const text = `${token}: ${outcome}`;
  if (isCalm(plan)) {
    const isWell = outcome === "value" || run.far.has(token);
    assertions.always(GOOD_DAY, isWell, text);
  }
  // Further tries may find nobody until the lease of the dead is over.
  if (!isCrashesOnly(plan) || !once) return;
  assertions.always("where nodes only crash callers learn in time", outcome !== "timeout", text);
}
