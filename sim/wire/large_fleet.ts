/**
 * Where more processes of one run share a machine than it has cores: what each of them does without, so that all get on.
 *
 * @module
 */
import type { SimulationConfig } from "../config/config_schema.ts";

/** From so many workers on, a machine has hardly as many cores. */
const LARGE_FLEET = 32;

/** The environment variable by which Deno takes flags for its engine. */
export const ENGINE_FLAGS = "DENO_V8_FLAGS";

/**
 * Whether so many workers share a machine.
 *
 * @param config of the run
 */
export function isLargeFleet({ workers }: Pick<SimulationConfig, "workers">): boolean {
  return workers.count >= LARGE_FLEET;
}

/**
 * What the environment of a process of such a fleet says to its engine: no threads of its own that compile and collect beside the
 * program. Where no core is free for them they gain nothing: a hundred workers come up in three quarters of the time without.
 *
 * @param config of the run
 * @returns more environment variables
 */
export function engineEnv(config: Pick<SimulationConfig, "workers">): Record<string, string> {
  return isLargeFleet(config) ? { [ENGINE_FLAGS]: "--single-threaded" } : {};
}
