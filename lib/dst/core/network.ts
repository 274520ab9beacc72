/**
 * The network of a run: how long messages are under way on each connection.
 *
 * @module
 */
import { Draws } from "../draw.ts";
import { latencyOf } from "../latency.ts";
import type { LinkOptions } from "../nats/link.ts";
import type { CoreParameters } from "./parameters.ts";

/** A slow message takes so many times as long as another. */
const SLOW = 10;

/**
 * How one connection behaves.
 *
 * @param parameters the run's
 * @param seed its seed
 * @param name the process that has the connection
 * @returns the options of its link
 */
export function linkOptions(parameters: CoreParameters, seed: number, name: string): LinkOptions {
  const { latencyShape, latencyMaxMs, slowChance } = parameters;
  const usual = latencyOf(latencyShape, latencyMaxMs, new Draws(seed, "route", name));
  if (slowChance === 0) return { latencyMs: usual };
  return { latencyMs: (draws) => usual(draws) * (draws.chance(slowChance) ? SLOW : 1) };
}
