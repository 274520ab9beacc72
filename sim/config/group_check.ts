/**
 * Checks `workers.group` by the library's own rules, before any worker is started to find out.
 *
 * @module
 */
import { type ConfigProblem, type GroupConfig, resolveConfig } from "../../lib/config/config.ts";
import { isPartiError } from "../../lib/errors.ts";
import { topologyOf } from "../streams/topology.ts";
import type { CrossIssue } from "./config_rules.ts";
import type { SimulationConfig } from "./config_schema.ts";
import { GROUP_KEYS, groupConfig } from "./group_config.ts";

/** Any run's names do: no rule depends on the run's ID. */
const RUN_ID = "00000000";

/**
 * What the library makes of the group's configuration.
 *
 * @param config a configuration whose fields are each right
 * @returns the complete configuration
 * @throws {PartiError} `PARTI_INVALID_CONFIG`
 */
export function resolveGroup(
  { simulation, workers, nats }: Pick<SimulationConfig, "simulation" | "workers" | "nats">,
): GroupConfig {
  return resolveConfig(groupConfig(topologyOf(simulation.name, RUN_ID), workers, nats));
}

/**
 * Checks the group's configuration.
 *
 * @param config a configuration whose fields are each right
 * @returns what is wrong with it, with the YAML's keys
 */
export function checkGroup(config: SimulationConfig): CrossIssue[] {
  const { workers } = config;
  try {
    const { workerIdMin: first, workerIdMax: last } = resolveGroup(config);
    if (last - first + 1 >= workers.count) return [];
    const allowed = `an ID for each of the ${workers.count} workers: at least ` +
      `${first + workers.count - 1}`;
    return [{
      path: ["workers", "group", "worker_id_max"],
      allowed,
      causes: [["workers", "count"], ["workers", "group", "worker_id_min"]],
      ...(workers.group.worker_id_max === undefined
        ? { at: ["workers", "count"], got: `the default ${last}` }
        : {}),
    }];
  } catch (error) {
    if (!isPartiError(error, "PARTI_INVALID_CONFIG")) throw error;
    return (error.value as ConfigProblem[]).map(issueOf);
  }
}

/** The library's problem in the YAML's words. Of two keys that do not go together the one that was written has the place. */
function issueOf({ path, value, kind, allowed, related = [] }: ConfigProblem): CrossIssue {
  const causes = related.map(yamlPath).filter((other) => other !== undefined);
  const [written] = causes;
  const own = yamlPath(path);
  return {
    path: own ?? written ?? ["workers", "group"],
    allowed: Object.entries(GROUP_KEYS).reduce(
      (text, [key, yaml]) =>
        text.replaceAll(new RegExp(`\\b${key.replace(".", "\\.")}\\b`, "g"), yaml),
      own === undefined ? `what goes with ${path.join(".")}: ${allowed}` : allowed,
    ),
    causes,
    ...(kind === "default" ? { got: `the default ${value}` } : {}),
    ...(kind === "default" && written !== undefined ? { at: written } : {}),
  };
}

function yamlPath(path: ConfigProblem["path"]): string[] | undefined {
  const key = GROUP_KEYS[path.join(".")];
  return key === undefined ? undefined : ["workers", "group", key];
}
