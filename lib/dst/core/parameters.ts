/**
 * The parameters of a run of the group: how many, how fast, on which server, configured how.
 *
 * @module
 */
import { z } from "zod";
import type { ConsumerInput } from "../../config/config.ts";
import { PartiError } from "../../errors.ts";
import type { Draws } from "../draw.ts";
import { LATENCY_SHAPES } from "../latency.ts";
import type { JsonObject, JsonValue } from "../plan/plan.ts";
import { drawConfig } from "./tuning.ts";

/** How handlers fare. Left out where a plan does not care: then they do what they should. */
const handlers = z.strictObject({
  /** How likely one throws without a reason that lasts, before its effect or after it. It never does so the last time it is tried. */
  hiccups: z.number().min(0).max(1).default(0),
  /** How likely a message is one on which every handler throws. */
  poison: z.number().min(0).max(1).default(0),
  /** How likely one takes {@linkcode lingerMs} instead of its usual time. */
  lingers: z.number().min(0).max(1).default(0),
  /** How long one that lingers takes, in milliseconds. */
  lingerMs: z.number().min(0).default(0),
  /** They do not look at their abort signal. */
  heedless: z.boolean().default(false),
});

const schema = z.strictObject({
  /** Which nats-server the simulated one is like. */
  version: z.enum(["2.10.27", "2.15.1"]),
  /** How many workers there are at the beginning. */
  workers: z.int().min(1).max(100),
  /** How many there may be. */
  maxWorkers: z.int().min(1).max(100),
  /** How many stable IDs there are. */
  ids: z.int().min(1).max(1_000).default(300),
  /** How many partitions. */
  partitions: z.int().min(1).max(2_000),
  /** How many shards the feed has, so that partitions are keys of it; 0 for one stream. */
  shards: z.int().min(0).max(64).default(0),
  /** How long a partition's name is, in characters, if that is longer than it has to be: long names make assignments large. */
  nameLength: z.int().min(0).max(4_000).default(0),
  /** How many messages per second, all partitions together. */
  ratePerSecond: z.number().min(0).max(10_000),
  /** How many producers share the partitions, and the messages. */
  producers: z.int().min(1).max(3).default(1),
  /** How likely the first of them publishes a message once more, under the same ID, as after an acknowledgement that was lost. */
  repeats: z.number().min(0).max(1).default(0),
  /** How long a handler works, in milliseconds. */
  workMinMs: z.number().min(0),
  /** The same, at most. */
  workMaxMs: z.number().min(0),
  /** How handlers fare. */
  handlers: handlers.prefault({}),
  /** How long there is load and faults, in virtual milliseconds. */
  loadMs: z.number().min(1_000),
  /** The preset of the group's configuration. */
  preset: z.enum(["default", "fast"]),
  /** What is configured besides, in the words of `GroupConfigInput`. */
  config: z.record(z.string(), z.custom<JsonValue>()).default({}),
  /** Each process has a strategy of its own, as while another one is rolled out: then the next leader may find uneven what the last one left. */
  mixedStrategies: z.boolean().default(false),
  /** How long a process takes at most until it calls `start()`, in milliseconds. */
  bootMaxMs: z.number().min(0).default(0),
  /** How long running for leadership takes at most to begin, in milliseconds; 0 is the election that parti brings along. */
  electionMaxMs: z.number().min(0).default(0),
  /** How long the partition source takes at most to answer, in milliseconds. */
  sourceMaxMs: z.number().min(0).default(0),
  /** What the time that a message is under way looks like. */
  latencyShape: z.enum(LATENCY_SHAPES).default("uniform"),
  /** The longest a message is usually under way, in milliseconds. */
  latencyMaxMs: z.number().min(0.01),
  /** How likely it takes ten times as long. */
  slowChance: z.number().min(0).max(1),
  /** How much later than a call that was sent behind it the server may take an ack, in milliseconds: it takes acks from a queue of their own. */
  ackLateMs: z.number().min(0).default(0),
  /** How far each clock goes wrong at most, as a factor above or below 1. */
  drift: z.number().min(0).max(0.01),
});

/** The parameters of a run. */
export type CoreParameters = z.infer<typeof schema>;

/**
 * Reads the parameters of a plan.
 *
 * @param raw what the plan says
 * @returns the parameters
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if they make no sense
 */
export function readParameters(raw: unknown): CoreParameters {
  const { data, error } = schema.safeParse(raw);
  if (error === undefined) return data;
  const problems = error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new PartiError("PARTI_INVALID_CONFIG", `parameters: ${problems.join("; ")}`, {
    value: raw,
    cause: error,
  });
}

/** What a group is like as a whole. */
type Shape = Pick<
  CoreParameters,
  "workers" | "maxWorkers" | "partitions" | "nameLength" | "loadMs"
>;

/** All but what does not depend on any other of them. */
type Shaped = Omit<CoreParameters, keyof Traffic | "mixedStrategies" | "shards">;

/**
 * Draws parameters: many small groups and a few large ones, since most of what can go wrong needs few.
 *
 * @param draws where the numbers come from
 * @returns the parameters
 */
export function drawParameters(draws: Draws): CoreParameters & JsonObject {
  const shape = drawShape(draws);
  const workMinMs = draws.pick([0, 0, 1, 5]);
  const workMaxMs = workMinMs + draws.pick([0, 5, 50, 400]);
  const electionMaxMs = draws.chance(0.15) ? draws.pick([50, 1_000, 3_000]) : 0;
  const isTuned = electionMaxMs > 0 || draws.chance(0.6);
  const latencyMaxMs = draws.pick([0.5, 0.5, 5, 40]);
  const parameters: Shaped = {
    version: draws.pick(["2.10.27", "2.15.1"]),
    ...shape,
    ids: draws.chance(0.12) ? draws.integer(1, shape.maxWorkers) : shape.maxWorkers * 3,
    ratePerSecond: draws.pick([5, 20, 50]),
    workMinMs,
    workMaxMs,
    handlers: drawHandlers(draws),
    preset: draws.chance(0.5) ? "default" : "fast",
    config: isTuned ? drawConfig(draws, { isTouchy: electionMaxMs > 0, latencyMaxMs }) : {},
    bootMaxMs: draws.pick([0, 0, 500, 3_000]),
    electionMaxMs,
    sourceMaxMs: draws.pick([0, 0, 20, 800]),
    latencyMaxMs,
    slowChance: draws.pick([0, 0, 0.01, 0.05]),
    drift: draws.pick([0, 0.0001, 0.005]),
    ackLateMs: draws.pick([0, 0, 5, 50]),
  };
  const ratePerSecond = Math.min(parameters.ratePerSecond, bearableRate(parameters));
  return {
    ...parameters,
    ratePerSecond,
    ...drawTraffic(draws, parameters.partitions),
    mixedStrategies: draws.chance(0.2),
    shards: drawShards(draws, shape),
  } as CoreParameters & JsonObject;
}

/** One feed in four is sharded. Long names are there for large assignments, which shards do not make. */
function drawShards(draws: Draws, { maxWorkers, nameLength }: Shape): number {
  const shards = draws.integer(1, 2 * maxWorkers);
  return draws.chance(0.25) && nameLength === 0 ? shards : 0;
}

type Traffic = Pick<CoreParameters, "producers" | "repeats" | "latencyShape">;

/** Who publishes, and over what network. */
function drawTraffic(draws: Draws, partitions: number): Traffic {
  return {
    producers: Math.min(draws.integer(1, 3), partitions),
    repeats: draws.pick([0, 0, 0.02, 0.2]),
    latencyShape: draws.pick(LATENCY_SHAPES),
  };
}

/** How much of its time a worker that is left alone may be at work. */
const LOAD_MAX = 0.35;
/** How long poison holds up its partition, in milliseconds. */
const POISON_MS = 3_000;
/** How often something is under way for each message, one after another. */
const WAYS = 6;

/** So many messages per second a single worker can handle: a backlog is to come from faults, and to go when they have healed. */
function bearableRate(parameters: Shaped): number {
  const { workMinMs, workMaxMs, handlers, latencyMaxMs, slowChance, partitions } = parameters;
  const consumer = parameters.config["consumer"] as Partial<ConsumerInput> | undefined;
  const costMs = (workMinMs + workMaxMs) / 2 + handlers.lingers * handlers.lingerMs +
    (handlers.poison + handlers.hiccups) * POISON_MS + WAYS * latencyMaxMs * (1 + 10 * slowChance);
  const atOnce = Math.min(partitions, consumer?.concurrency ?? Infinity);
  return Math.max(0.5, Math.round(LOAD_MAX * atOnce * 10_000 / costMs) / 10);
}

function drawShape(draws: Draws): Shape {
  const kind = draws.pick([...Array(4).fill("tiny"), ...Array(5).fill("small"), "large"] as const);
  const loadMs = draws.integer(8_000, 40_000);
  const nameLength = 0;
  if (kind === "tiny") {
    const workers = draws.integer(1, 3);
    // One in twelve has an assignment that does not fit into one message.
    const isLong = draws.chance(0.2);
    const partitions = isLong ? draws.integer(100, 130) : draws.integer(1, 8);
    const maxWorkers = workers + draws.integer(0, 3);
    return { workers, maxWorkers, partitions, nameLength: isLong ? 3_000 : 0, loadMs };
  }
  if (kind === "small") {
    const workers = draws.integer(3, 7);
    const partitions = draws.integer(8, 40);
    return { workers, maxWorkers: workers + draws.integer(0, 4), partitions, nameLength, loadMs };
  }
  const workers = draws.integer(10, 18);
  const maxWorkers = Math.min(20, workers + draws.integer(0, 4));
  return { workers, maxWorkers, partitions: draws.integer(60, 200), nameLength, loadMs };
}

function drawHandlers(draws: Draws): CoreParameters["handlers"] {
  return {
    hiccups: draws.pick([0, 0, 0, 0.02, 0.2]),
    poison: draws.pick([0, 0, 0, 0.01, 0.05]),
    lingers: draws.pick([0, 0, 0, 0.005, 0.05]),
    lingerMs: draws.pick([1_000, 3_000, 8_000]),
    heedless: draws.chance(0.3),
  };
}
