/**
 * How long messages are under way: shapes of the delay of a connection, none longer than a bound.
 *
 * @module
 */
import type { Draws } from "./draw.ts";

/** The shapes there are. */
export const LATENCY_SHAPES = ["uniform", "exponential", "two-humped", "per-link"] as const;

/**
 * What delays look like.
 *
 * - `uniform`: anything up to the bound is as likely as anything else
 * - `exponential`: most are short, and few come near the bound
 * - `two-humped`: short ones and long ones, and nothing in between, as over two routes
 * - `per-link`: each connection has a shape and a bound of its own
 */
export type LatencyShape = typeof LATENCY_SHAPES[number];

/** How long the next message is under way, in milliseconds. */
export type Latency = (draws: Draws) => number;

/** No message is quicker than this share of the bound. */
const LEAST = 0.1;
/** The share of the bound, above the least, that an exponential delay has on average. */
const MEAN = 0.2;
/** How likely a message takes the longer route, and where the routes lie, as shares of the bound. */
const DETOUR = 0.3;
const SHORT: readonly [number, number] = [LEAST, 0.25];
const LONG: readonly [number, number] = [0.8, 1];

/**
 * Makes the delays of one connection.
 *
 * @param shape what they look like
 * @param maxMs none is longer, in milliseconds
 * @param own draws of the connection's own, for what it has to itself
 * @returns gives one delay after another
 */
export function latencyOf(shape: LatencyShape, maxMs: number, own: Draws): Latency {
  switch (shape) {
    case "uniform":
      return (draws) => draws.between(LEAST * maxMs, maxMs);
    case "exponential":
      return (draws) => {
        const share = LEAST - MEAN * Math.log(1 - draws.float());
        return Math.min(share, 1) * maxMs;
      };
    case "two-humped":
      return (draws) => {
        const [least, most] = draws.chance(DETOUR) ? LONG : SHORT;
        return draws.between(least * maxMs, most * maxMs);
      };
    case "per-link":
      return latencyOf(own.pick(["uniform", "exponential", "two-humped"]), maxMs * far(own), own);
  }
}

/** How far away a connection's other end is, as a share of the farthest: as many are near as are far. */
function far(own: Draws): number {
  return LEAST ** own.float();
}
