/**
 * A seed becomes a plan: who joins and leaves when, and what goes wrong when.
 *
 * @module
 */
import { drawSites } from "../buggify.ts";
import type { Draws } from "../draw.ts";
import type { PlanBody, PlanStep } from "../plan/plan.ts";
import { drawSwarm } from "../plan/swarm.ts";
import type { DrawsFor } from "../workload.ts";
import { BUGGIFY_SITES } from "./catalog.ts";
import { drawAmbush, drawMoment } from "./expand_ambush.ts";
import { drawRequestFault } from "./expand_requests.ts";
import { step } from "./expand_step.ts";
import { type CoreParameters, drawParameters } from "./parameters.ts";

/** Fault families, each on in every other run. */
export const FAMILIES = [
  "crash",
  "pause",
  "network",
  "server",
  "clock",
  "nats",
  "ambush",
  "source",
  "buggify",
] as const;

/** The families a plan may switch off. */
export type Family = typeof FAMILIES[number];

/** The first faults come when the group may still be starting; none comes so late that it could not heal under load. */
const QUIET_END_MS = 3_000;

/** So many ways of one message it takes at most until a worker that is back is as it was before. */
const WAYS_BACK = 8;

/**
 * Makes the plan of a seed.
 *
 * @param seed the seed
 * @param draws its draws
 * @returns the plan
 */
export function expandCore(seed: number, draws: DrawsFor): PlanBody {
  const parameters = drawParameters(draws("parameters"));
  const swarm = drawSwarm(draws, FAMILIES);
  const operations = [
    ...drawStarts(parameters, draws),
    ...drawOperations(parameters, draws),
    ...drawStorm(parameters, draws),
  ];
  const faults = FAMILIES.filter((family) => swarm[family])
    .flatMap((family) => drawFaultsOf(family, parameters, draws));
  // Those of a family that is off are off without being named.
  const buggify = swarm["buggify"] === true ? drawSites(seed, BUGGIFY_SITES) : {};
  return { parameters, operations, faults, buggify, swarm };
}

function drawStarts({ workers }: CoreParameters, draws: DrawsFor): PlanStep[] {
  const start = draws("start");
  const together = start.chance(0.7);
  return Array.from({ length: workers }, (_, node) => {
    const atMs = together ? start.between(0, 300) : start.between(0, 10_000);
    return step(`start-${node}`, atMs, "start", { node });
  });
}

function drawOperations(parameters: CoreParameters, draws: DrawsFor): PlanStep[] {
  const count = draws("operations").integer(0, 10);
  return Array.from({ length: count }, (_, i) => {
    const own = draws("operation", String(i));
    // Some come before the group is there at all.
    const isEarly = own.chance(0.25);
    const atMs = isEarly ? own.between(0, 4_000) : own.between(1_000, lastMs(parameters));
    return drawOperation(`operation-${i}`, atMs, own, parameters);
  });
}

function drawOperation(
  id: string,
  atMs: number,
  draws: Draws,
  { maxWorkers, electionMaxMs }: CoreParameters,
): PlanStep {
  const node = draws.integer(0, maxWorkers - 1);
  const kind = draws.pick([
    ...["start", "start", "fill", "stop", "stop", "stop-when", "stop-when"],
    ...["add", "remove", "weigh", "refresh"],
  ]);
  switch (kind) {
    case "fill":
      return step(id, atMs, kind, {});
    case "stop-when":
      return step(id, atMs, kind, drawMoment(draws, electionMaxMs > 0));
    case "start":
    case "stop":
    case "refresh":
      return step(id, atMs, kind, { node });
    default:
      return step(id, atMs, kind, { count: draws.integer(1, 10), weight: draws.pick([1, 5, 100]) });
  }
}

/** Many come and go within seconds. */
function drawStorm(parameters: CoreParameters, draws: DrawsFor): PlanStep[] {
  const storm = draws("storm");
  if (!storm.chance(0.25)) return [];
  const sinceMs = storm.between(0, lastMs(parameters));
  const forMs = storm.pick([300, 2_000, 5_000]);
  return Array.from({ length: storm.integer(4, 12) }, (_, i) => {
    const own = draws("storm", String(i));
    const atMs = Math.min(sinceMs + own.between(0, forMs), lastMs(parameters));
    const node = own.integer(0, parameters.maxWorkers - 1);
    return step(`storm-${i}`, atMs, own.pick(["start", "stop", "fill"]), { node });
  });
}

function drawFaultsOf(family: Family, parameters: CoreParameters, draws: DrawsFor): PlanStep[] {
  const own = draws("faults", family);
  const count = own.integer(1, family === "ambush" ? 6 : 5);
  const faults = Array.from({ length: count }, (_, i) => {
    const draw = draws(`fault ${family}`, String(i));
    const atMs = draw.between(family === "ambush" ? 0 : 500, lastMs(parameters));
    return drawFault(family, `${family}-${i}`, atMs, draw, parameters);
  }).flat();
  return family === "crash" && own.chance(0.3)
    ? [...faults, ...drawLeaderLoss(parameters, own)]
    : faults;
}

/** One leader after another dies, and others take the places of the dead. */
function drawLeaderLoss(parameters: CoreParameters, draws: Draws): PlanStep[] {
  const everyMs = draws.pick([300, 1_500, 4_000]);
  const sinceMs = draws.between(500, lastMs(parameters));
  return Array.from({ length: draws.integer(2, 5) }, (_, i) => {
    const atMs = sinceMs + i * everyMs * draws.between(0.5, 1.5);
    return [
      step(`succession-${i}`, atMs, "crash", { node: "leader" }),
      step(`succession-${i}-fill`, atMs + draws.between(0, 2 * everyMs), "fill", {}),
    ];
  }).flat().filter(({ atMs }) => atMs < parameters.loadMs);
}

function drawFault(
  family: Family,
  id: string,
  atMs: number,
  draws: Draws,
  parameters: CoreParameters,
): PlanStep[] {
  const { maxWorkers, latencyMaxMs } = parameters;
  // A fault that always strikes the leader finds what one that strikes anybody rarely does.
  const node = draws.chance(0.35) ? "leader" : draws.integer(0, maxWorkers - 1);
  const forMs = drawDuration(draws);
  switch (family) {
    case "crash": {
      const crash = step(id, atMs, "crash", { node });
      if (typeof node !== "number" || draws.chance(0.4)) return [crash];
      return [crash, step(`${id}-restart`, atMs + forMs, "start", { node })];
    }
    case "pause":
      return [step(id, atMs, "pause", { node, forMs })];
    case "network":
      return drawCut(id, atMs, draws, { node, forMs, latencyMaxMs, maxWorkers });
    case "server":
      return [step(id, atMs, draws.pick(["server-crash", "server-pause"]), { forMs })];
    case "clock": {
      const rate = 1 + draws.between(-0.01, 0.01);
      return [step(id, atMs, "clock", { node, rate, wallOffsetMs: draws.between(-1e7, 1e7) })];
    }
    case "nats":
      return drawRequestFault(draws, { id, atMs, node, forMs, maxWorkers });
    case "ambush":
      return drawAmbush(draws, { id, atMs, parameters, forMs });
    case "source":
      return [step(id, atMs, "source", { mood: draws.pick(["fails", "empty", "hangs"]), forMs })];
    case "buggify":
      return [];
  }
}

/** What a network fault is drawn with. */
interface CutOptions {
  readonly node: number | "leader";
  readonly forMs: number;
  readonly latencyMaxMs: number;
  readonly maxWorkers: number;
}

function drawCut(
  id: string,
  atMs: number,
  draws: Draws,
  { node, forMs, latencyMaxMs, maxWorkers }: CutOptions,
): PlanStep[] {
  const kind = draws.pick(["cut", "cut", "block", "block", "split"]);
  const direction = draws.pick(["both", "both", "up", "down"]);
  if (kind === "block") return [step(id, atMs, kind, { node, direction, forMs })];
  if (kind === "split") {
    const share = draws.between(0.2, 0.8);
    const all = Array.from({ length: maxWorkers }, (_, other) => other);
    return [step(id, atMs, kind, { nodes: all.filter(() => draws.chance(share)), forMs })];
  }
  // Back again, a worker has to prove and to repeat a few things, each of which takes a round trip or two.
  const isFlapping = draws.chance(0.5);
  const flaps = { again: draws.integer(1, 3), afterMs: draws.between(0, WAYS_BACK * latencyMaxMs) };
  const when = draws.pick(["now", "message", "acks"]);
  const cut = step(id, atMs, kind, { node, when, ...(isFlapping ? flaps : {}) });
  // What was lost on the way shows when the partitions move on.
  if (typeof node !== "number" || !draws.chance(0.3)) return [cut];
  const leavesAtMs = atMs + draws.between(1_500, 8_000);
  return [
    cut,
    step(`${id}-stop`, leavesAtMs, "stop", { node }),
    step(`${id}-fill`, leavesAtMs + draws.between(0, 4_000), "fill", {}),
  ];
}

/** Most are short; one in ten lasts longer than anybody is patient. */
function drawDuration(draws: Draws): number {
  const isLong = draws.chance(0.1);
  const aboutMs = draws.pick([200, 1_000, 4_000, 12_000]);
  return (isLong ? 25_000 : aboutMs) * draws.between(0.5, 1.5);
}

function lastMs({ loadMs }: CoreParameters): number {
  return loadMs - QUIET_END_MS;
}
