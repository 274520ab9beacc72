/**
 * Strategies by name, for configurations.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import { consistentHash } from "./consistent_hash.ts";
import { numberOption } from "./options.ts";
import type { AssignmentStrategy } from "../partition.ts";
import { roundRobin } from "./round_robin.ts";
import { stickyBalanced } from "./sticky_balanced.ts";
import { weightedConsistentHash } from "./weighted_consistent_hash.ts";

/** The strategies that come with the library. */
export type StrategyName =
  | "RoundRobin"
  | "ConsistentHash"
  | "WeightedConsistentHash"
  | "StickyBalanced";

type Config = Readonly<Record<string, unknown>>;

interface Entry {
  /** The keys it understands, as they are written in a configuration. */
  readonly keys: readonly string[];
  make(config: Config): AssignmentStrategy;
}

const RING_KEYS = ["virtual_nodes", "seed"];

// The checks name the key as the user wrote it; the ranges are those of the factories, which check again.
const nodes = (config: Config) =>
  numberOption("virtual_nodes", config.virtual_nodes, 150, 1, 10_000, true);
const seed = (config: Config) =>
  numberOption("seed", config.seed, 0, 0, Number.MAX_SAFE_INTEGER, true);

const STRATEGIES: Readonly<Record<StrategyName, Entry>> = {
  RoundRobin: { keys: [], make: () => roundRobin() },
  ConsistentHash: {
    keys: RING_KEYS,
    make: (config) => consistentHash({ virtualNodes: nodes(config), seed: seed(config) }),
  },
  WeightedConsistentHash: {
    keys: [...RING_KEYS, "overload_threshold", "extreme_threshold"],
    make: (config) =>
      weightedConsistentHash({
        virtualNodes: nodes(config),
        seed: seed(config),
        overloadThreshold: numberOption(
          "overload_threshold",
          config.overload_threshold,
          1.3,
          1.15,
          100,
          false,
        ),
        extremeThreshold: numberOption(
          "extreme_threshold",
          config.extreme_threshold,
          2,
          1.5,
          1e6,
          false,
        ),
      }),
  },
  StickyBalanced: {
    keys: ["tolerance"],
    make: (config) =>
      stickyBalanced({
        tolerance: numberOption("tolerance", config.tolerance, 0.05, 0, 1, false),
      }),
  },
};

/** The names {@linkcode strategyByName} knows. */
export const STRATEGY_NAMES: readonly StrategyName[] = Object.keys(STRATEGIES) as StrategyName[];

/**
 * Makes a strategy from a configuration.
 *
 * @param name the strategy's name
 * @param config its options in snake case: `virtual_nodes`, `seed`, `overload_threshold`, `extreme_threshold`, `tolerance`, as far
 * as the strategy has them
 * @returns the strategy
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for an unknown name or key or a value out of range
 */
export function strategyByName(
  name: StrategyName,
  config: Readonly<Record<string, unknown>> = {},
): AssignmentStrategy {
  const entry = Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name] : undefined;
  if (!entry) {
    throw new PartiError("PARTI_INVALID_CONFIG", `there is no strategy ${JSON.stringify(name)}`, {
      value: name,
      hint: `use one of ${STRATEGY_NAMES.join(", ")}`,
    });
  }
  for (const key of Object.keys(config)) {
    if (entry.keys.includes(key)) continue;
    throw new PartiError("PARTI_INVALID_CONFIG", `${name} has no option ${JSON.stringify(key)}`, {
      value: key,
      hint: entry.keys.length === 0 ? "it has none" : `it has ${entry.keys.join(", ")}`,
    });
  }
  return entry.make(config);
}
