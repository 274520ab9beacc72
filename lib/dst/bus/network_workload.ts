/**
 * Phase 2 of the bus: two nodes call each other while the network loses, delays, repeats and cuts; then it heals.
 *
 * @module
 */
import { drawSites } from "../buggify.ts";
import { step } from "../core/expand_step.ts";
import { Draws } from "../draw.ts";
import { LATENCY_SHAPES, latencyOf, type LatencyShape } from "../latency.ts";
import { NO_FAULTS } from "../nats/faults.ts";
import { Healing } from "../core/healing.ts";
import type { PlanStep } from "../plan/plan.ts";
import { drawSwarm } from "../plan/swarm.ts";
import { defineWorkload, type DrawsFor, playSteps, type Simulation } from "../workload.ts";
import type { CallRecord } from "./ledger.ts";
import { drawMood, isCalm } from "./mood.ts";
import { networkCatalog, SERVICE_SITES } from "./service_catalog.ts";
import { type CallsCatalog, NODES, type ServiceCallStep, ServiceRun } from "./service_run.ts";

const CALLS_EACH_WAY = 25;
const AFTER_HEALING = 10;
const WITHIN_MS = 10_000;
const CALM_TIMEOUT_MS = 20_000;
/** A connection that was cut is back by then, also one whose end the client had to find out. */
const HEALED_AFTER_MS = 10_000;
/** What was told has come by then. */
const TOLD_MS = 1_000;
/** A clock jumps so soon after a call at most, in milliseconds. */
const JUMP_WITHIN_MS = 50;
const FAMILIES = ["loss", "cut", "block", "server", "clock", "buggify"] as const;

type Family = typeof FAMILIES[number];
type Catalog = typeof networkCatalog;

/** The workload. */
export const networkWorkload = defineWorkload<Catalog>({
  name: "bus-2-network",
  description: "two nodes call each other over a network that fails, and then heals",
  assertions: networkCatalog,
  // LogTape keeps its loggers by weak references; nothing else hangs on when they go.
  stubs: { allow: ["WeakRef"] },
  expand(seed, draws) {
    // Nobody crashes here: a day of crashes only is one on which nothing goes wrong.
    const swarm = drawMood(drawSwarm(draws, FAMILIES), draws);
    const shape = draws("network").pick(LATENCY_SHAPES);
    const latencyMaxMs = draws("network").pick([0.5, 5, 100]);
    const operations = drawCalls(draws);
    const faults = FAMILIES.filter((family) => swarm[family] && family !== "buggify")
      .flatMap((family) => drawFaults(family, operations, draws));
    return {
      parameters: { shape, latencyMaxMs },
      operations,
      faults,
      buggify: swarm["buggify"] ? drawSites(seed, SERVICE_SITES) : {},
      swarm,
    };
  },
  run: runNetwork,
});

function drawCalls(draws: DrawsFor): PlanStep[] {
  return [0, 1].flatMap((from) =>
    Array.from({ length: CALLS_EACH_WAY }, (_, n) => {
      const id = `call-${from}-${n}`;
      const own = draws("call", id);
      const again = own.chance(0.3);
      return step(id, own.between(0, WITHIN_MS), "call", {
        from,
        timeoutMs: again ? own.integer(2_000, 15_000) : own.pick([50, 300, 1_000, 4_000]),
        workMs: own.pick([0, 0, 10, 200]),
        fails: own.chance(0.05),
        again,
        ...(own.chance(0.1) ? { cancelAfterMs: own.integer(0, 300) } : {}),
      });
    })
  );
}

function drawFaults(
  family: Family,
  operations: readonly PlanStep[],
  draws: DrawsFor,
): PlanStep[] {
  const count = draws("faults", family).integer(1, 4);
  return Array.from({ length: count }, (_, n) => {
    const id = `${family}-${n}`;
    const own = draws("fault", id);
    const atMs = own.between(0, WITHIN_MS);
    const node = own.integer(0, 1);
    const forMs = own.pick([20, 200, 1_000, 4_000]);
    switch (family) {
      case "loss":
        return step(id, atMs, "loss", { share: own.pick([0.05, 0.3, 1]), forMs });
      case "cut":
        return step(id, atMs, "cut", { node });
      case "block":
        return step(id, atMs, "block", {
          node,
          direction: own.pick(["both", "up", "down"]),
          forMs,
        });
      case "clock": {
        // What is counted wrong where a clock jumps shows only while a call is on its way.
        const call = own.pick(operations);
        return step(id, call.atMs + own.between(0, JUMP_WITHIN_MS), "clock", {
          node: Number(call.args["from"]),
          rate: 1 + own.between(-0.01, 0.01),
          wallOffsetMs: own.between(-1e7, 1e7),
        });
      }
      default:
        return step(id, atMs, "server-crash", { forMs });
    }
  });
}

async function runNetwork(simulation: Simulation<Catalog>): Promise<void> {
  const { kernel, plan, assertions } = simulation;
  const { shape, latencyMaxMs } = plan.parameters as { shape: LatencyShape; latencyMaxMs: number };
  // What is good for a call on a bad day is no fault on a good one.
  const isGoodDay = isCalm(plan);
  const watch = new OutcomeWatch(assertions);
  const run = new ServiceRun(simulation as unknown as Simulation<CallsCatalog>, {
    network: (owner) => ({
      latencyMs: latencyOf(shape, latencyMaxMs, new Draws(plan.seed, "route", owner)),
    }),
    busOptions: { lookoutMs: 250 },
    onOutcome: (record, how, tookMs) => watch.told(record, how, tookMs),
    onOrphan: (record) => watch.orphan(record),
    onMisbehaviour: (site) => {
      assertions.sometimesEach("places that misbehave", site as typeof SERVICE_SITES[number]);
    },
  });
  const healing = new Healing(kernel);
  await run.open();
  await Promise.all([
    playSteps(simulation, plan.operations, async ({ id, args }) => {
      const how = args as unknown as ServiceCallStep;
      const record = await run.call(id, isGoodDay ? { ...calm(how) } : how);
      if (isGoodDay) watch.mustSucceed("on a good day all calls succeed", id, record, how);
    }),
    playSteps(simulation, plan.faults, (fault) => inject(simulation, run, healing, fault)),
  ]);
  healing.all();
  run.cluster.behave();
  await kernel.sleep(HEALED_AFTER_MS, "healing");
  await Promise.all(
    Array.from({ length: AFTER_HEALING }, async (_, n) => {
      const how = { from: n % 2, timeoutMs: CALM_TIMEOUT_MS };
      const record = await run.call(`healed-${n}`, how);
      watch.mustSucceed("after healing all calls succeed", `healed-${n}`, record, how);
    }),
  );
  const told = await Promise.all(
    NODES.map((_, from) => run.tell(`told-${from}`, { from, timeoutMs: CALM_TIMEOUT_MS })),
  );
  await kernel.sleep(TOLD_MS, "what was told");
  for (const record of told) {
    const times = record?.executions;
    const text = `${record?.token} was told, and handled ${times} times`;
    assertions.always("after healing all calls succeed", times === 1, text);
  }
  await run.end();
}

/** Time for everything, and nothing that is meant to go wrong. */
function calm(how: ServiceCallStep): ServiceCallStep {
  const { from, workMs, fails } = how;
  return {
    ...{ from, timeoutMs: CALM_TIMEOUT_MS },
    ...(workMs === undefined ? {} : { workMs }),
    ...(fails === undefined ? {} : { fails }),
  };
}

/** What comes of calls while the network fails. */
class OutcomeWatch {
  readonly #assertions: Simulation<Catalog>["assertions"];

  constructor(assertions: Simulation<Catalog>["assertions"]) {
    this.#assertions = assertions;
  }

  told({ token, outcomes, executions }: CallRecord, how: ServiceCallStep, tookMs: number): void {
    const [outcome] = outcomes;
    const { timeoutMs, again } = how;
    const assertions = this.#assertions;
    assertions.sometimes("network_failure_handled", FAILED.has(outcome!));
    assertions.sometimes("timeout_triggered", outcome === "timeout");
    assertions.sometimes("maybe_delivered", outcome === "maybe delivered");
    assertions.sometimes("send_error", outcome === "send error");
    assertions.sometimes("cancelled", outcome === "cancelled");
    assertions.sometimes(
      "retry_succeeded",
      again === true && outcome === "value" && executions > 1,
    );
    if (outcome !== "timeout") return;
    const text = `${token} after ${tookMs} of ${timeoutMs} ms`;
    assertions.always("no timeout is early", tookMs >= timeoutMs, text);
    assertions.alwaysAtMost("a timeout is in time", tookMs - timeoutMs, text);
  }

  orphan({ outcomes }: CallRecord): void {
    const isSecond = outcomes[0] === "value" || outcomes[0] === "application error";
    this.#assertions.sometimes("duplicate_response_ignored", isSecond);
    this.#assertions.sometimes("late_response_ignored", !isSecond && outcomes.length > 0);
  }

  mustSucceed(
    name: "on a good day all calls succeed" | "after healing all calls succeed",
    token: string,
    record: CallRecord | undefined,
    { fails }: ServiceCallStep,
  ): void {
    const [outcome] = record?.outcomes ?? [];
    const wanted = fails ? "application error" : "value";
    this.#assertions.always(name, outcome === wanted, `${token}: ${outcome}`);
  }
}

const FAILED: ReadonlySet<string> = new Set(["timeout", "send error", "maybe delivered"]);

function inject(
  { assertions }: Simulation<Catalog>,
  run: ServiceRun,
  healing: Healing,
  { kind, args }: PlanStep,
): void {
  const { cluster } = run;
  const { server, faults } = cluster;
  const forMs = Number(args["forMs"] ?? 0);
  const member = cluster.find(NODES[Number(args["node"] ?? 0)]!);
  switch (kind) {
    case "loss":
      faults.tell((fault) => {
        if (fault === "messaging.noticeLost") {
          assertions.sometimesEach("faults that strike", "noticeLost");
        }
      });
      faults.set({ ...NO_FAULTS, messaging: { noticeLost: Number(args["share"]) } });
      return void healing.after("loss", forMs, () => faults.set(NO_FAULTS));
    case "cut":
      if (member?.link.connected) assertions.sometimesEach("faults that strike", "cut");
      return member?.link.cut();
    case "block": {
      const direction = args["direction"] as "both" | "up" | "down";
      if (member === undefined) return;
      if (member.link.flows) {
        assertions.sometimesEach("faults that strike", `block ${direction}`);
      }
      member.link.block(direction);
      return void healing.after(`link of ${member.node}`, forMs, () => member.link.unblock());
    }
    case "clock":
      if (member === undefined) return;
      assertions.sometimesEach("faults that strike", "clock");
      return member.owner.setClock({
        rate: Number(args["rate"]),
        wallOffsetMs: Number(args["wallOffsetMs"]),
      });
    default:
      if (!server.running) return;
      assertions.sometimesEach("faults that strike", "server-crash");
      server.crash();
      return void healing.after("server", forMs, () => server.restart());
  }
}
