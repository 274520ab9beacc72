/**
 * The parameters of a run of the group: how many, how fast, on which server.
 *
 * @module
 */
import { z } from "zod";
import type { Draws } from "../draw.ts";

const schema = z.strictObject({
  /** Which nats-server the simulated one is like. */
  version: z.enum(["2.10.27", "2.15.1"]),
  /** How many workers there are at the beginning. */
  workers: z.int().min(1).max(100),
  /** How many there may be. */
  maxWorkers: z.int().min(1).max(100),
  /** How many partitions. */
  partitions: z.int().min(1).max(2_000),
  /** How many messages per second, all partitions together. */
  ratePerSecond: z.number().min(0).max(10_000),
  /** How long a handler works, in milliseconds. */
  workMinMs: z.number().min(0),
  /** The same, at most. */
  workMaxMs: z.number().min(0),
  /** How long there is load and faults, in virtual milliseconds. */
  loadMs: z.number().min(1_000),
  /** The preset of the group's configuration. */
  preset: z.enum(["default", "fast"]),
  /** The longest a message is usually under way, in milliseconds. */
  latencyMaxMs: z.number().min(0.01),
  /** How likely it takes ten times as long. */
  slowChance: z.number().min(0).max(1),
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
 * @throws {z.ZodError} if they make no sense
 */
export function readParameters(raw: unknown): CoreParameters {
  return schema.parse(raw);
}

/**
 * Draws parameters: many small groups and a few large ones, since most of what can go wrong needs few.
 *
 * @param draws where the numbers come from
 * @returns the parameters
 */
export function drawParameters(draws: Draws): CoreParameters {
  const isLarge = draws.chance(0.15);
  const workers = isLarge ? draws.integer(10, 20) : draws.integer(3, 8);
  const workMinMs = draws.pick([0, 0, 1, 5]);
  return {
    version: draws.pick(["2.10.27", "2.15.1"]),
    workers,
    maxWorkers: Math.min(20, workers + draws.integer(0, 4)),
    partitions: isLarge ? draws.integer(60, 200) : draws.integer(20, 60),
    ratePerSecond: draws.pick([5, 20, 50]),
    workMinMs,
    workMaxMs: workMinMs + draws.pick([0, 5, 50, 400]),
    loadMs: draws.integer(20_000, 60_000),
    preset: draws.chance(0.5) ? "default" : "fast",
    latencyMaxMs: draws.pick([0.5, 0.5, 5, 40]),
    slowChance: draws.pick([0, 0, 0.01, 0.05]),
    drift: draws.pick([0, 0.0001, 0.005]),
  };
}
