/**
 * A seed becomes a plan: who joins and leaves when, and what goes wrong when.
 *
 * @module
 */
import type { Draws } from "../draw.ts";
import type { JsonObject, PlanBody, PlanStep } from "../plan/plan.ts";
import type { DrawsFor } from "../workload.ts";
import { type CoreParameters, drawParameters } from "./parameters.ts";

/** Fault families, each on in every other run. */
export const FAMILIES = [
  "crash",
  "pause",
  "network",
  "server",
  "clock",
  "nats",
  "buggify",
] as const;

/** The families a plan may switch off. */
export type Family = typeof FAMILIES[number];

/** The first faults come when the group may still be starting; none comes so late that it could not heal under load. */
const QUIET_END_MS = 5_000;

/**
 * Makes the plan of a seed.
 *
 * @param draws its draws
 * @returns the plan
 */
export function expandCore(draws: DrawsFor): PlanBody {
  const parameters = drawParameters(draws("parameters"));
  const swarm = Object.fromEntries(
    FAMILIES.map((family) => [family, draws("swarm", family).chance(0.5)]),
  );
  const operations = drawOperations(parameters, draws);
  const faults = FAMILIES.filter((family) => swarm[family])
    .flatMap((family) => drawFaultsOf(family, parameters, draws));
  return { parameters, operations, faults, buggify: {}, swarm };
}

function drawOperations(parameters: CoreParameters, draws: DrawsFor): PlanStep[] {
  const { workers, maxWorkers, loadMs } = parameters;
  const steps: PlanStep[] = [];
  const start = draws("start");
  const together = start.chance(0.7);
  for (let node = 0; node < workers; node++) {
    const atMs = together ? start.between(0, 300) : start.between(0, 10_000);
    steps.push(step(`start-${node}`, atMs, "start", { node }));
  }
  const count = draws("operations").integer(0, 10);
  for (let i = 0; i < count; i++) {
    const own = draws("operation", String(i));
    const atMs = own.between(1_000, loadMs - QUIET_END_MS);
    steps.push(drawOperation(`operation-${i}`, atMs, own, maxWorkers));
  }
  return steps;
}

function drawOperation(id: string, atMs: number, draws: Draws, maxWorkers: number): PlanStep {
  const node = draws.integer(0, maxWorkers - 1);
  const kind = draws.pick(["start", "start", "stop", "stop", "add", "remove", "weigh", "refresh"]);
  if (kind === "start" || kind === "stop" || kind === "refresh") {
    return step(id, atMs, kind, { node });
  }
  return step(id, atMs, kind, { count: draws.integer(1, 10), weight: draws.pick([1, 5, 100]) });
}

function drawFaultsOf(family: Family, parameters: CoreParameters, draws: DrawsFor): PlanStep[] {
  const count = draws("faults", family).integer(1, 5);
  return Array.from({ length: count }, (_, i) => {
    const own = draws(`fault ${family}`, String(i));
    const atMs = own.between(500, parameters.loadMs - QUIET_END_MS);
    return drawFault(family, `${family}-${i}`, atMs, own, parameters);
  }).flat();
}

function drawFault(
  family: Family,
  id: string,
  atMs: number,
  draws: Draws,
  { maxWorkers }: CoreParameters,
): PlanStep[] {
  // A fault that always strikes the leader finds what one that strikes anybody rarely does.
  const node = draws.chance(0.35) ? "leader" : draws.integer(0, maxWorkers - 1);
  const forMs = draws.pick([200, 1_000, 4_000, 12_000]) * draws.between(0.5, 1.5);
  switch (family) {
    case "crash": {
      const crash = step(id, atMs, "crash", { node });
      if (typeof node !== "number" || draws.chance(0.4)) return [crash];
      return [crash, step(`${id}-restart`, atMs + forMs, "start", { node })];
    }
    case "pause":
      return [step(id, atMs, "pause", { node, forMs })];
    case "network": {
      const kind = draws.pick(["cut", "cut", "block", "block", "split"]);
      const direction = draws.pick(["both", "both", "up", "down"]);
      if (kind === "cut") return [step(id, atMs, kind, { node })];
      if (kind === "block") return [step(id, atMs, kind, { node, direction, forMs })];
      return [step(id, atMs, kind, { share: draws.between(0.2, 0.8), forMs })];
    }
    case "server":
      return [step(id, atMs, draws.pick(["server-crash", "server-pause"]), { forMs })];
    case "clock": {
      const rate = 1 + draws.between(-0.01, 0.01);
      return [step(id, atMs, "clock", { node, rate, wallOffsetMs: draws.between(-1e7, 1e7) })];
    }
    case "nats":
      return [step(id, atMs, "nats-faults", { forMs: forMs * 3 })];
    case "buggify":
      return [];
  }
}

function step(id: string, atMs: number, kind: string, args: JsonObject): PlanStep {
  return { id, atMs: Math.round(atMs * 1_000) / 1_000, kind, args };
}
