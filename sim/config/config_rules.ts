/**
 * What no single field of a configuration can tell.
 *
 * @module
 */
import { strategyByName } from "../../lib/assignment/strategies/strategies.ts";
import { isPartiError } from "../../lib/errors.ts";
import type { ChaosType, SimulationConfig } from "./config_schema.ts";
import { checkGroup } from "./group_check.ts";
import { ACCESS_KEYS, ACCESS_SECTIONS, urlsOf } from "./nats_section.ts";
import { formatDuration } from "./units.ts";

/** Something wrong that only shows between two fields. */
export interface CrossIssue {
  /** The field to blame. */
  readonly path: readonly string[];
  /** What is allowed there, given the other field. */
  readonly allowed: string;
  /** The field to point at, where the one to blame was left out. */
  readonly at?: readonly string[];
  /** What is in force there, where the field was left out. */
  readonly got?: string;
  /** The fields from which the limit follows: whoever has set one of them has caused it. */
  readonly causes?: readonly (readonly string[])[];
}

/** Chaos that needs a server of the run's own, and why. */
const OURS_ONLY = [
  ["nats_server_kill", "that server is not ours to kill"],
  ["nats_disconnect", "what lies between its address and the processes is not ours to break"],
] as const;

/** Chaos of which no line of a timeline could say how long it lasts. */
const LASTS_NO_TIME: readonly ChaosType[] = [
  ...["scale_up", "scale_down", "worker_restart"] as const,
  ...["partition_changes", "poison_message"] as const,
];

/** Hosts that are not heard of for 30 s have gone: the servers they are heard through have to be back well before. */
const MAX_OUTAGE_BY_HAND_MS = 20_000;

/** The list of partitions has to fit into one message of the server, with room for those that come. */
const MAX_CHANGING = 20_000;

/**
 * Whether partitions come and go while it runs.
 *
 * @param config a configuration whose fields are each right
 */
export function changesPartitions({ chaos }: Pick<SimulationConfig, "chaos">): boolean {
  return asks(chaos, "partition_changes");
}

/**
 * Whether the coordinator is killed while it runs.
 *
 * @param config a configuration whose fields are each right
 */
export function crashesCoordinator({ chaos }: Pick<SimulationConfig, "chaos">): boolean {
  return asks(chaos, "coordinator_crash");
}

function asks({ enabled, events, timeline }: SimulationConfig["chaos"], type: ChaosType): boolean {
  return enabled && (events.includes(type) || timeline.some(({ event }) => event === type));
}

/** Where an event is asked for, if it is. */
function placeOf({ events }: SimulationConfig["chaos"], type: ChaosType): string {
  return events.includes(type) ? "chaos.events" : "chaos.timeline";
}

/** A coordinator that is killed goes on from its checkpoint, and finds its processes with whoever has started both. */
function checkCrash(config: SimulationConfig): CrossIssue[] {
  if (!crashesCoordinator(config)) return [];
  const { checkpointing, simulation, chaos } = config;
  const asked = placeOf(chaos, "coordinator_crash").split(".");
  const causes = [asked, ["chaos", "enabled"]];
  const issues: CrossIssue[] = [];
  if (!checkpointing.enabled) {
    const allowed =
      "true with coordinator_crash, because whoever comes after it goes on from there";
    issues.push({ path: ["checkpointing", "enabled"], allowed, causes, got: "false" });
  }
  if (simulation.mode === "coordinator") {
    issues.push({
      path: asked,
      allowed: "no coordinator_crash with simulation.mode coordinator, because nobody is there " +
        "who would start it again",
      causes: [["simulation", "mode"]],
    });
  }
  return issues;
}

/**
 * Checks what no single field can tell.
 *
 * @param config a configuration whose fields are each right
 * @returns what is wrong between them
 */
export function crossCheck(config: SimulationConfig): CrossIssue[] {
  const { producers, workers, partitions, chaos } = config;
  const issues: CrossIssue[] = [];
  const expect = (holds: boolean, path: string, allowed: string, ...causes: string[]) => {
    if (holds) return;
    issues.push({
      path: path.split("."),
      allowed,
      causes: causes.map((cause) => cause.split(".")),
    });
  };
  const { min, max } = workers.processing_delay;
  expect(
    max >= min,
    "workers.processing_delay.max",
    `at least processing_delay.min (${min}ms)`,
    "workers.processing_delay.min",
  );
  issues.push(...checkGroup(config));
  expect(
    producers.count <= partitions.count,
    "producers.count",
    `at most partitions.count (${partitions.count})`,
    "partitions.count",
  );
  const each = producers.partitions_per_producer;
  expect(
    each === undefined || each * producers.count >= partitions.count,
    "producers.partitions_per_producer",
    `at least ${Math.ceil(partitions.count / producers.count)}, so that ${producers.count} ` +
      `producers cover ${partitions.count} partitions`,
    "producers.count",
    "partitions.count",
  );
  const rate = producers.rate_variation;
  expect(
    rate.max_multiplier >= rate.min_multiplier,
    "producers.rate_variation.max_multiplier",
    `at least min_multiplier (${rate.min_multiplier})`,
    "producers.rate_variation.min_multiplier",
  );
  expect(
    !chaos.enabled || chaos.events.length + chaos.timeline.length > 0,
    "chaos.events",
    "at least one event, here or in chaos.timeline",
    "chaos.enabled",
  );
  const { mode, cluster, replicas } = config.nats;
  expect(
    mode === "embedded" || cluster === 1,
    "nats.cluster",
    "1 with nats.mode external, because those servers are not ours to start",
    "nats.mode",
  );
  expect(
    cluster === 1 || config.simulation.mode !== "coordinator" ||
      urlsOf(config.nats.url).length === cluster,
    "nats.url",
    `${cluster} addresses with commas between them, one for each of nats.cluster`,
    "nats.cluster",
    "simulation.mode",
  );
  expect(
    mode === "external" || replicas === undefined || replicas <= cluster,
    "nats.replicas",
    `at most nats.cluster (${cluster})`,
    "nats.cluster",
  );
  for (const key of [...ACCESS_KEYS, ...ACCESS_SECTIONS, "tls" as const]) {
    expect(
      mode === "external" || config.nats[key] === undefined,
      `nats.${key}`,
      "nothing with nats.mode embedded, because the run's own servers ask for nothing",
      "nats.mode",
    );
  }
  for (const [key, size] of Object.entries(config.nats.jetstream)) {
    expect(
      mode === "embedded" || size === undefined,
      `nats.jetstream.${key}`,
      "nothing with nats.mode external, because what those servers may use is not ours to say",
      "nats.mode",
    );
  }
  for (const path of ["nats", ...ACCESS_SECTIONS.map((role) => `nats.${role}`)]) {
    const role = path.split(".")[1] as typeof ACCESS_SECTIONS[number] | undefined;
    const section = role === undefined ? config.nats : config.nats[role] ?? {};
    const ways = ["credentials", "nkey", "token", "user"].filter((key) => key in section);
    expect(
      ways.length <= 1,
      `${path}.${ways[1]}`,
      `nothing beside ${ways[0]}: one way to say who one is is enough`,
      `${path}.${ways[0]}`,
    );
  }
  for (const [event, why] of OURS_ONLY) {
    expect(
      mode === "embedded" || !asks(chaos, event),
      placeOf(chaos, event),
      `no ${event} with nats.mode external, because ${why}`,
      "nats.mode",
    );
  }
  expect(
    config.simulation.mode !== "coordinator" || !asks(chaos, "nats_disconnect"),
    placeOf(chaos, "nats_disconnect"),
    "no nats_disconnect with simulation.mode coordinator, because networks of processes that were " +
      "started by hand are not ours to break",
    "simulation.mode",
    "chaos.enabled",
  );
  expect(
    cluster > 1 || !asks(chaos, "nats_node_kill"),
    placeOf(chaos, "nats_node_kill"),
    "no nats_node_kill without nats.cluster 3, because there is no node that the others could do without",
    "nats.cluster",
    "chaos.enabled",
  );
  issues.push(...checkCrash(config));
  expect(
    !changesPartitions(config) || partitions.count <= MAX_CHANGING,
    "partitions.count",
    `at most ${MAX_CHANGING} with partition_changes, because the list of partitions is one message`,
    "chaos.events",
    "chaos.timeline",
  );
  for (
    const [index, { event, network, count, add, remove, at, down }] of chaos.timeline.entries()
  ) {
    const path = `chaos.timeline.${index}`;
    const scales = event === "scale_up" || event === "scale_down";
    expect(
      network === undefined || event === "nats_disconnect",
      `${path}.network`,
      `nothing, because only nats_disconnect has a network that fails`,
      `${path}.event`,
    );
    expect(
      count === undefined || scales,
      `${path}.count`,
      `nothing, because only scale_up and scale_down have a count`,
      `${path}.event`,
    );
    expect(
      down === undefined || !LASTS_NO_TIME.includes(event) && network !== "cut",
      `${path}.down`,
      `nothing, because ${network === "cut" ? "a cut is" : `${event} does what it does`} at once`,
      `${path}.event`,
    );
    expect(
      event !== "nats_server_kill" || config.simulation.mode !== "coordinator" ||
        (down ?? 0) <= MAX_OUTAGE_BY_HAND_MS,
      `${path}.down`,
      `at most ${formatDuration(MAX_OUTAGE_BY_HAND_MS)} with simulation.mode coordinator, ` +
        "because a host that is not heard of for 30s has gone",
      "simulation.mode",
    );
    const changes = event === "partition_changes";
    for (const [key, value] of Object.entries({ add, remove })) {
      expect(
        value === undefined || changes,
        `${path}.${key}`,
        `nothing, because only partition_changes adds and removes partitions`,
        `${path}.event`,
      );
    }
    expect(
      !changes || add !== 0 || remove !== 0,
      `${path}.remove`,
      "at least 1 where add is 0",
      `${path}.add`,
    );
    expect(
      at <= config.simulation.duration,
      `${path}.at`,
      `at most simulation.duration (${formatDuration(config.simulation.duration)})`,
      "simulation.duration",
    );
  }
  try {
    strategyByName(workers.assignment_strategy, workers.strategy_config);
  } catch (error) {
    if (!isPartiError(error)) throw error;
    const allowed =
      `what ${workers.assignment_strategy} understands (${error.message}; ${error.hint})`;
    const causes = [["workers", "assignment_strategy"]];
    issues.push({ path: ["workers", "strategy_config"], allowed, causes });
  }
  return issues;
}
