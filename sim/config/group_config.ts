/**
 * The library's configuration of a simulated group, as the simulation's YAML says it.
 *
 * @module
 */
import type { GroupConfigInput } from "../../lib/config/config.ts";
import type { Topology } from "../streams/topology.ts";
import type { SimulationConfig } from "./config_schema.ts";
import { replicasOf } from "./nats_section.ts";

/** The names of the group and of what it consumes. */
export type GroupNames = Pick<
  Topology,
  "group" | "feedStream" | "feedTemplate" | "deadLetterTemplate"
>;

type GroupSection = SimulationConfig["workers"]["group"];

/** The library's keys that the YAML has under `workers.group`. */
export const GROUP_KEYS: Readonly<Record<string, keyof GroupSection>> = {
  heartbeatInterval: "heartbeat_interval",
  heartbeatTtl: "heartbeat_ttl",
  electionTimeout: "election_timeout",
  "probe.timeout": "probe_timeout",
  workerIdPrefix: "worker_id_prefix",
  workerIdMin: "worker_id_min",
  workerIdMax: "worker_id_max",
  workerIdTtl: "worker_id_ttl",
  plannedScaleWindow: "planned_scale_window",
  coldStartWindow: "cold_start_window",
  settle: "settle",
  "assignment.minRebalanceInterval": "min_rebalance_interval",
};

/**
 * The configuration of the group. Only what the YAML says: the rest are the library's own defaults, which are what is to be proven.
 *
 * @param names the names on the server
 * @param workers what the YAML says of the group
 * @param nats what it says of the servers
 * @returns what the library's `Manager` takes
 */
export function groupConfig(
  names: GroupNames,
  { group }: Pick<SimulationConfig["workers"], "group">,
  nats: SimulationConfig["nats"],
): GroupConfigInput {
  const given: Record<string, unknown> = {};
  for (const [path, key] of Object.entries(GROUP_KEYS)) {
    const value = group[key];
    if (value === undefined) continue;
    const [section, inner] = path.split(".") as [string, string?];
    given[section] = inner === undefined ? value : { [inner]: value };
  }
  return {
    group: names.group,
    kvBuckets: { replicas: replicasOf(nats) },
    consumer: {
      stream: names.feedStream,
      subjectTemplate: names.feedTemplate,
      deadLetterSubject: names.deadLetterTemplate,
    },
    ...given,
  };
}
