/**
 * Phase 3 of the bus: a hundred calls in one instant, again and again, and things that happen in one instant in either order.
 *
 * @module
 */
import { drawSites } from "../buggify.ts";
import { step } from "../core/expand_step.ts";
import { defineWorkload, playSteps, type Simulation } from "../workload.ts";
import type { CallRecord } from "./ledger.ts";
import { type RACES, stormCatalog } from "./service_catalog.ts";
import { type CallsCatalog, NODES, type ServiceCallStep, ServiceRun } from "./service_run.ts";

const BURSTS = 10;
const AT_ONCE = 100;
const EVERY_MS = 1_000;
/** Four ways: to the server and on, and back. */
const ROUND_TRIP_MS = 4;
const TIMEOUT_MS = 5_000;
/** Closer than that is one instant, in milliseconds. */
const INSTANT_MS = 0.01;
const PENDING_MAX = 150;
const SITES = [
  "bus-send-late",
  "bus-answer-late",
  "bus-complete-late",
  "bus-answer-twice",
] as const;

type Catalog = typeof stormCatalog;

/** The workload. */
export const stormWorkload = defineWorkload<Catalog>({
  name: "bus-3-storm",
  description: "a hundred calls in one instant, and races",
  assertions: stormCatalog,
  // LogTape keeps its loggers by weak references; nothing else hangs on when they go.
  stubs: { allow: ["WeakRef"] },
  expand(seed, draws) {
    const bursts = Array.from({ length: BURSTS }, (_, n) => {
      const own = draws("burst", String(n));
      return step(`burst-${n}`, 10 + n * EVERY_MS, "burst", {
        from: n % 2,
        count: own.pick([AT_ONCE, AT_ONCE, 120, 200]),
        workMs: own.pick([0, 1, 5, 20]),
        race: own.pick(["none", "timeout", "cancel"]),
      });
    });
    const isLate = draws("sites").chance(0.5);
    // Both orders of what happens in one instant are seen where nothing is late.
    const buggify = isLate
      ? { ...drawSites(seed, SITES), "bus-send-fails": false }
      : Object.fromEntries([...SITES, "bus-send-fails"].map((site) => [site, false]));
    const stop = step("stop", 10 + BURSTS * EVERY_MS, "stop", {
      from: draws("stop").integer(0, 1),
    });
    return {
      parameters: {},
      operations: [...bursts, stop],
      faults: [],
      buggify,
      swarm: { buggify: false },
    };
  },
  run: runStorm,
});

async function runStorm(simulation: Simulation<Catalog>): Promise<void> {
  const { kernel, plan, assertions } = simulation;
  const outcomeAtMs = new Map<string, { outcome: string; atMs: number }>();
  const run = new ServiceRun(simulation as unknown as Simulation<CallsCatalog>, {
    // A hair's breadth earlier or later decides which of two things of one instant comes first.
    network: () => ({ latencyMs: (draws) => 1 + draws.pick([-2e-6, 0, 2e-6]) }),
    busOptions: { pendingMax: PENDING_MAX },
    onOutcome: (record, how, tookMs) => {
      outcomeAtMs.set(record.token, { outcome: record.outcomes[0]!, atMs: kernel.nowMs });
      assertions.sometimes("too many are refused", record.outcomes[0] === "overloaded");
      const race = raceWon(record, how, tookMs);
      if (race !== undefined) assertions.sometimesEach("races", race);
    },
    onOrphan: (record) => {
      const told = outcomeAtMs.get(record.token);
      if (told === undefined) return;
      const race = raceLost(told, kernel.nowMs);
      if (race !== undefined) assertions.sometimesEach("races", race);
    },
  });
  let count = 0;
  await run.open();
  await playSteps(simulation, plan.operations, async (operation) => {
    if (operation.kind === "stop") return await stopInFlight(simulation, run, operation.args);
    const calls = burst(operation.id, operation.args);
    count += calls.length;
    const made = calls.map(([token, how]) => run.call(token, how));
    const member = run.cluster.find(NODES[Number(operation.args["from"])]!);
    assertions.sometimesAtLeast("calls in flight", member?.bus.pending ?? 0);
    assertions.sometimesAtLeast("high_pending_count", member?.bus.pending ?? 0);
    await kernel.sleep(ROUND_TRIP_MS / 2 + 0.1, "the handlers");
    assertions.sometimesAtLeast("concurrent_requests", run.working);
    await Promise.all(made);
  });
  assertions.sometimesAtLeast("calls in a run", count);
  await run.end();
}

function burst(id: string, args: Readonly<Record<string, unknown>>): [string, ServiceCallStep][] {
  const workMs = Number(args["workMs"]);
  const exactMs = ROUND_TRIP_MS + workMs;
  return Array.from({ length: Number(args["count"]) }, (_, n) => {
    const how: ServiceCallStep = {
      from: Number(args["from"]),
      workMs,
      timeoutMs: args["race"] === "timeout" && n % 2 === 0 ? exactMs : TIMEOUT_MS,
      ...(args["race"] === "cancel" && n % 2 === 0 ? { cancelAfterMs: exactMs } : {}),
    };
    return [`${id}-${n}`, how];
  });
}

/** The node stops in the instant in which the answer comes. */
async function stopInFlight(
  { kernel, assertions }: Simulation<Catalog>,
  run: ServiceRun,
  args: Readonly<Record<string, unknown>>,
): Promise<void> {
  const from = Number(args["from"]);
  const member = run.cluster.find(NODES[from]!);
  if (member === undefined) return;
  const made = Array.from(
    { length: 20 },
    (_, n) => run.call(`stopped-${n}`, { from, timeoutMs: TIMEOUT_MS }),
  );
  // As a timer of the process, so that it ties with what arrives.
  await new Promise<void>((resolve) => member.world.clock.setTimer(ROUND_TRIP_MS, resolve));
  await member.bus.stop();
  const { pending } = member.bus;
  assertions.always("nothing is pending at the end", pending === 0, `${pending} after a stop`);
  const records = await Promise.all(made);
  for (const record of records) {
    if (record?.outcomes[0] === "stopped") assertions.sometimesEach("races", "stop before answer");
    if (record?.outcomes[0] === "value") assertions.sometimesEach("races", "answer before stop");
  }
  await kernel.sleep(0, "stopped");
}

function raceWon(
  { outcomes }: CallRecord,
  { timeoutMs, cancelAfterMs }: ServiceCallStep,
  tookMs: number,
): typeof RACES[number] | undefined {
  if (outcomes[0] !== "value") return undefined;
  if (Math.abs(tookMs - timeoutMs) < INSTANT_MS) return "answer before timeout";
  if (cancelAfterMs !== undefined && Math.abs(tookMs - cancelAfterMs) < INSTANT_MS) {
    return "answer before cancel";
  }
  return undefined;
}

function raceLost(
  { outcome, atMs }: { readonly outcome: string; readonly atMs: number },
  nowMs: number,
): typeof RACES[number] | undefined {
  if (outcome === "value") return "second answer behind the first";
  if (nowMs - atMs > INSTANT_MS) return undefined;
  if (outcome === "timeout") return "timeout before answer";
  return outcome === "cancelled" ? "cancel before answer" : undefined;
}
