/**
 * The one schema of the simulation's YAML: what may be written, what it means and what holds if it is left out.
 * Every message of the schema says what is allowed; {@linkcode loadConfig} adds where the value stands.
 *
 * @module
 */
import { z } from "zod";
import { natsSection } from "./nats_section.ts";
import {
  choice,
  duration,
  flag,
  parsed,
  positiveDuration,
  real,
  text,
  whole,
} from "./schema_parts.ts";
import type { Threshold } from "./threshold.ts";
import { readThresholds, writeThresholds } from "./thresholds_section.ts";
import {
  INTERVAL_FORMAT,
  parseBytes,
  parseInterval,
  SIZE_FORMAT,
  writeBytes,
  writeInterval,
} from "./units.ts";

/** The chaos events this version can inject. */
export const CHAOS_TYPES = [
  "worker_crash",
  "worker_restart",
  "scale_up",
  "scale_down",
  "leader_failure",
  "producer_crash",
  "worker_pause",
  "leader_pause",
  "slow_worker",
  "nats_disconnect",
  "nats_server_kill",
  "partition_changes",
  "poison_message",
  "nats_node_kill",
  "coordinator_crash",
] as const;

/** One kind of chaos event. */
export type ChaosType = (typeof CHAOS_TYPES)[number];

const chaosType = choice(CHAOS_TYPES);
const HOST_FORMAT = "an address or a host name, such as 127.0.0.1";

/** What a process is: all of a run, or a part of it that is started by hand. */
export const MODES = ["all-in-one", "coordinator", "producer", "worker"] as const;

const simulation = z.strictObject({
  duration: positiveDuration().prefault("60s"),
  mode: choice(MODES).default("all-in-one"),
  seed: whole(0, 4_294_967_295).optional(),
  name: z.string({ error: "letters, digits, - and _" })
    .regex(/^[A-Za-z0-9_-]{1,32}$/, { error: "1 to 32 letters, digits, - and _" })
    .default("simulation"),
});

const partitions = z.strictObject({
  count: whole(1, 100_000).default(100),
  message_rate_per_partition: real(0.000_1, 10_000).default(0.1),
  distribution: choice(["uniform", "exponential"]).default("uniform"),
  weights: z.strictObject({
    exponential: z.strictObject({
      extreme_percent: real(0, 1).default(0.05),
      extreme_weight: whole(1, 1_000_000).default(100),
      normal_weight: whole(1, 1_000_000).default(1),
    }).prefault({}),
  }).prefault({}),
});

const producers = z.strictObject({
  count: whole(1, 1_000).default(2),
  partitions_per_producer: whole(1, 100_000).optional(),
  rate_variation: z.strictObject({
    enabled: flag().default(false),
    pattern: choice(["global"]).default("global"),
    min_multiplier: real(0.01, 100).default(0.5),
    max_multiplier: real(0.01, 100).default(2),
    ramp_interval: positiveDuration().prefault("5m"),
  }).prefault({}),
});

/** The group's timing; what is left out keeps the library's default. */
const group = z.strictObject({
  heartbeat_interval: positiveDuration().optional(),
  heartbeat_ttl: positiveDuration().optional(),
  election_timeout: positiveDuration().optional(),
  probe_timeout: positiveDuration().optional(),
  worker_id_prefix: text("a name").optional(),
  worker_id_min: whole(0, 1_000_000).optional(),
  worker_id_max: whole(0, 1_000_000).optional(),
  worker_id_ttl: positiveDuration().optional(),
  planned_scale_window: duration().optional(),
  cold_start_window: duration().optional(),
  settle: duration().optional(),
  min_rebalance_interval: duration().optional(),
});

const workers = z.strictObject({
  count: whole(1, 1_000).default(10),
  assignment_strategy: choice([
    "StickyBalanced",
    "WeightedConsistentHash",
    "ConsistentHash",
    "RoundRobin",
  ]).default("StickyBalanced"),
  strategy_config: z.strictObject({
    virtual_nodes: whole(1, 100_000).optional(),
    overload_threshold: real(1, 100).optional(),
    extreme_threshold: real(1, 1_000_000).optional(),
    tolerance: real(0, 1).optional(),
  }).prefault({}),
  processing_delay: z.strictObject({
    min: duration().prefault("10ms"),
    max: duration().prefault("50ms"),
  }).prefault({}),
  group: group.prefault({}),
});

/** How a network fails: see `sim/chaos/network_acts.ts`. */
export const NETWORK_FAULTS = ["cut", "away", "half-open", "mute", "deaf", "slow"] as const;

/** An event at a time of its own. What is left out is drawn from the seed. */
const timelineEvent = z.strictObject({
  at: duration(),
  event: chaosType,
  count: whole(1, 100).optional(),
  add: whole(0, 10_000).optional(),
  remove: whole(0, 10_000).optional(),
  down: positiveDuration().optional(),
  network: choice(NETWORK_FAULTS).optional(),
});

const chaos = z.strictObject({
  enabled: flag().default(false),
  timeline: z.array(timelineEvent, { error: "a list of events with their times" }).max(10_000, {
    error: "at most 10000 events",
  }).default([]),
  events: z.array(chaosType, { error: "a list of events" }).default([]),
  interval: parsed(INTERVAL_FORMAT, parseInterval, writeInterval).prefault("10m-30m"),
});

const metrics = z.strictObject({
  prometheus: z.strictObject({
    enabled: flag().default(false),
    // Not Prometheus' own 9090: whoever scrapes is likely to be on the same machine.
    port: whole(1, 65_535).default(9091),
  }).prefault({}),
});

/** The page on which a run is looked at while it goes on. */
const page = z.strictObject({
  enabled: flag().default(true),
  host: z.string({ error: HOST_FORMAT }).regex(/^[A-Za-z0-9.:_-]{1,253}$/, { error: HOST_FORMAT })
    .default("127.0.0.1"),
  // 0 is any port that is free, so that two runs at once are no mistake.
  port: whole(0, 65_535).default(0),
});

/** How it is said what happens: on standard output, and in the output folder's `logs`, a file for each process. */
const logs = z.strictObject({
  format: choice(["text", "json"]).default("text"),
  level: choice(["debug", "info", "warning", "error"]).default("info"),
  max_size: parsed(`${SIZE_FORMAT}, at least 1KB`, (value) => {
    const bytes = parseBytes(value);
    return bytes !== undefined && bytes >= 1_024 ? bytes : undefined;
  }, writeBytes).prefault("10MB"),
  max_files: whole(1, 100).default(3),
});

const checkpointing = z.strictObject({
  enabled: flag().default(false),
  interval: positiveDuration().prefault("30m"),
  path: text("a folder").default("./checkpoints"),
  keep: whole(1, 100).default(3),
});

/** Figures of the report, under the paths they have there, and what they have to keep to. */
const thresholds = z.codec(z.unknown(), z.custom<readonly Threshold[]>(), {
  decode: (value, context) => {
    const { thresholds, problems } = readThresholds(value);
    for (const { path, message, unknown = false } of problems) {
      context.issues.push({ code: "custom", path, message, input: value, params: { unknown } });
    }
    return problems.length > 0 ? z.NEVER : thresholds;
  },
  encode: writeThresholds,
});

/** The schema. Durations come out in milliseconds, sizes in bytes. */
export const simulationSchema = z.strictObject({
  simulation: simulation.prefault({}),
  partitions: partitions.prefault({}),
  producers: producers.prefault({}),
  workers: workers.prefault({}),
  coordinator: z.strictObject({ validation_window: positiveDuration().prefault("5m") })
    .prefault({}),
  chaos: chaos.prefault({}),
  thresholds: thresholds.prefault({}),
  nats: natsSection.prefault({}),
  metrics: metrics.prefault({}),
  logs: logs.prefault({}),
  checkpointing: checkpointing.prefault({}),
  page: page.prefault({}),
});

/** A checked configuration, in the file's own spelling; durations are milliseconds, sizes are bytes. */
export type SimulationConfig = z.output<typeof simulationSchema>;
