/**
 * The parameters of a run of the group: how many, how fast, on which server, configured how.
 *
 * @module
 */
import * as v from "valibot";
import type { ConsumerInput } from "../../config/config.ts";
import { mapping, pathOf, strictObject } from "../../config/schema_objects.ts";
import { PartiError } from "../../errors.ts";
import type { Draws } from "../draw.ts";
import { LATENCY_SHAPES } from "../latency.ts";
import type { JsonObject, JsonValue } from "../plan/plan.ts";
import { drawConfig } from "./tuning.ts";

const real = (min: number, max: number = Number.MAX_VALUE) =>
  v.pipe(v.number(), v.minValue(min), v.maxValue(max));
const whole = (min: number, max: number) => v.pipe(real(min, max), v.integer());

/** How handlers fare. Left out where a plan does not care: then they do what they should. */
const handlers = strictObject({
  /** How likely one throws without a reason that lasts, before its effect or after it. It never does so the last time it is tried. */
  hiccups: v.optional(real(0, 1), 0),
  /** How likely a message is one on which every handler throws. */
  poison: v.optional(real(0, 1), 0),
  /** How likely one takes {@linkcode lingerMs} instead of its usual time. */
  lingers: v.optional(real(0, 1), 0),
  /** How long one that lingers takes, in milliseconds. */
  lingerMs: v.optional(real(0), 0),
  /** They do not look at their abort signal. */
  heedless: v.optional(v.boolean(), false),
});

const schema = strictObject({
  /** Which nats-server the simulated one is like. */
  version: v.picklist(["2.10.27", "2.15.1"]),
  /** How many workers there are at the beginning. */
  workers: whole(1, 100),
  /** How many there may be. */
  maxWorkers: whole(1, 100),
  /** How many stable IDs there are. */
  ids: v.optional(whole(1, 1_000), 300),
  /** How many partitions. */
  partitions: whole(1, 2_000),
  /** How many shards the feed has, so that partitions are keys of it; 0 for one stream. */
  shards: v.optional(whole(0, 64), 0),
  /** How long a partition's name is, in characters, if that is longer than it has to be: long names make assignments large. */
  nameLength: v.optional(whole(0, 4_000), 0),
  /** How many messages per second, all partitions together. */
  ratePerSecond: real(0, 10_000),
  /** How many producers share the partitions, and the messages. */
  producers: v.optional(whole(1, 3), 1),
  /** How likely the first of them publishes a message once more, under the same ID, as after an acknowledgement that was lost. */
  repeats: v.optional(real(0, 1), 0),
  /** How long a handler works, in milliseconds. */
  workMinMs: real(0),
  /** The same, at most. */
  workMaxMs: real(0),
  /** How handlers fare. */
  handlers: v.optional(handlers, {}),
  /** How long there is load and faults, in virtual milliseconds. */
  loadMs: real(1_000),
  /** The preset of the group's configuration. */
  preset: v.picklist(["default", "fast"]),
  /** What is configured besides, in the words of `GroupConfigInput`. */
  config: v.optional(mapping(v.unknown() as v.GenericSchema<JsonValue>), {}),
  /** Each process has a strategy of its own, as while another one is rolled out: then the next leader may find uneven what the last one left. */
  mixedStrategies: v.optional(v.boolean(), false),
  /** How long a process takes at most until it calls `start()`, in milliseconds. */
  bootMaxMs: v.optional(real(0), 0),
  /** How long running for leadership takes at most to begin, in milliseconds; 0 is the election that parti brings along. */
  electionMaxMs: v.optional(real(0), 0),
  /** How long the partition source takes at most to answer, in milliseconds. */
  sourceMaxMs: v.optional(real(0), 0),
  /** What the time that a message is under way looks like. */
  latencyShape: v.optional(v.picklist(LATENCY_SHAPES), "uniform"),
  /** The longest a message is usually under way, in milliseconds. */
  latencyMaxMs: real(0.01),
  /** How likely it takes ten times as long. */
  slowChance: real(0, 1),
  /** How much later than a call that was sent behind it the server may take an ack, in milliseconds: it takes acks from a queue of their own. */
  ackLateMs: v.optional(real(0), 0),
  /** How far each clock goes wrong at most, as a factor above or below 1. */
  drift: real(0, 0.01),
});

/** The parameters of a run. */
export type CoreParameters = v.InferOutput<typeof schema>;

/**
 * Reads the parameters of a plan.
 *
 * @param raw what the plan says
 * @returns the parameters
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if they make no sense
 */
export function readParameters(raw: unknown): CoreParameters {
  const { success, output, issues } = v.safeParse(schema, raw, { abortPipeEarly: true });
  if (success) return output;
  const problems = issues.map((issue) => `${pathOf(issue).join(".")}: ${issue.message}`);
  throw new PartiError("PARTI_INVALID_CONFIG", `parameters: ${problems.join("; ")}`, {
    value: raw,
    cause: new v.ValiError(issues),
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
