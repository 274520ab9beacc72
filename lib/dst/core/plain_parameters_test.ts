/**
 * For tests: the parameters of a group of one worker and one partition to which nothing happens.
 *
 * @module
 */
import { type CoreParameters, readParameters } from "./parameters.ts";

/**
 * Makes them.
 *
 * @param version which nats-server the simulated one is like
 * @returns the parameters
 */
export function plainParameters(version: string): CoreParameters {
  return readParameters({
    version,
    workers: 1,
    maxWorkers: 1,
    partitions: 1,
    ratePerSecond: 1,
    workMinMs: 0,
    workMaxMs: 0,
    loadMs: 1_000,
    preset: "fast",
    latencyMaxMs: 1,
    slowChance: 0,
    drift: 0,
  });
}
