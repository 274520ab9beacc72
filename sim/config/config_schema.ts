/**
 * The one schema of the simulation's YAML: what may be written, what it means and what holds if it is left out.
 * Every message of the schema says what is allowed; {@linkcode loadConfig} adds where the value stands.
 *
 * @module
 */
import * as v from "valibot";
import { strictObject } from "../../lib/config/schema_objects.ts";
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

const simulation = strictObject({
  duration: v.optional(positiveDuration(), "60s"),
  mode: v.optional(choice(MODES), "all-in-one"),
  seed: v.optional(whole(0, 4_294_967_295)),
  name: v.optional(
    v.pipe(
      v.string("letters, digits, - and _"),
      v.regex(/^[A-Za-z0-9_-]{1,32}$/, "1 to 32 letters, digits, - and _"),
    ),
    "simulation",
  ),
});

const partitions = strictObject({
  count: v.optional(whole(1, 100_000), 100),
  message_rate_per_partition: v.optional(real(0.000_1, 10_000), 0.1),
  distribution: v.optional(choice(["uniform", "exponential"]), "uniform"),
  weights: v.optional(
    strictObject({
      exponential: v.optional(
        strictObject({
          extreme_percent: v.optional(real(0, 1), 0.05),
          extreme_weight: v.optional(whole(1, 1_000_000), 100),
          normal_weight: v.optional(whole(1, 1_000_000), 1),
        }),
        {},
      ),
    }),
    {},
  ),
});

const producers = strictObject({
  count: v.optional(whole(1, 1_000), 2),
  partitions_per_producer: v.optional(whole(1, 100_000)),
  rate_variation: v.optional(
    strictObject({
      enabled: v.optional(flag(), false),
      pattern: v.optional(choice(["global"]), "global"),
      min_multiplier: v.optional(real(0.01, 100), 0.5),
      max_multiplier: v.optional(real(0.01, 100), 2),
      ramp_interval: v.optional(positiveDuration(), "5m"),
    }),
    {},
  ),
});

/** The group's timing; what is left out keeps the library's default. */
const group = strictObject({
  heartbeat_interval: v.optional(positiveDuration()),
  heartbeat_ttl: v.optional(positiveDuration()),
  election_timeout: v.optional(positiveDuration()),
  probe_timeout: v.optional(positiveDuration()),
  worker_id_prefix: v.optional(text("a name")),
  worker_id_min: v.optional(whole(0, 1_000_000)),
  worker_id_max: v.optional(whole(0, 1_000_000)),
  worker_id_ttl: v.optional(positiveDuration()),
  planned_scale_window: v.optional(duration()),
  cold_start_window: v.optional(duration()),
  settle: v.optional(duration()),
  min_rebalance_interval: v.optional(duration()),
});

const workers = strictObject({
  count: v.optional(whole(1, 1_000), 10),
  assignment_strategy: v.optional(
    choice([
      "StickyBalanced",
      "WeightedConsistentHash",
      "ConsistentHash",
      "RoundRobin",
    ]),
    "StickyBalanced",
  ),
  strategy_config: v.optional(
    strictObject({
      virtual_nodes: v.optional(whole(1, 100_000)),
      overload_threshold: v.optional(real(1, 100)),
      extreme_threshold: v.optional(real(1, 1_000_000)),
      tolerance: v.optional(real(0, 1)),
    }),
    {},
  ),
  processing_delay: v.optional(
    strictObject({
      min: v.optional(duration(), "10ms"),
      max: v.optional(duration(), "50ms"),
    }),
    {},
  ),
  group: v.optional(group, {}),
});

/** How a network fails: see `sim/chaos/network_acts.ts`. */
export const NETWORK_FAULTS = ["cut", "away", "half-open", "mute", "deaf", "slow"] as const;

/** An event at a time of its own. What is left out is drawn from the seed. */
const timelineEvent = strictObject({
  at: duration(),
  event: chaosType,
  count: v.optional(whole(1, 100)),
  add: v.optional(whole(0, 10_000)),
  remove: v.optional(whole(0, 10_000)),
  down: v.optional(positiveDuration()),
  network: v.optional(choice(NETWORK_FAULTS)),
});

const chaos = strictObject({
  enabled: v.optional(flag(), false),
  timeline: v.optional(
    v.pipe(
      v.array(timelineEvent, "a list of events with their times"),
      v.maxLength(10_000, "at most 10000 events"),
    ),
    [],
  ),
  events: v.optional(v.array(chaosType, "a list of events"), []),
  interval: v.optional(parsed(INTERVAL_FORMAT, parseInterval, writeInterval), "10m-30m"),
});

const metrics = strictObject({
  prometheus: v.optional(
    strictObject({
      enabled: v.optional(flag(), false),
      // Not Prometheus' own 9090: whoever scrapes is likely to be on the same machine.
      port: v.optional(whole(1, 65_535), 9091),
    }),
    {},
  ),
});

/** The page on which a run is looked at while it goes on. */
const page = strictObject({
  enabled: v.optional(flag(), true),
  host: v.optional(
    v.pipe(v.string(HOST_FORMAT), v.regex(/^[A-Za-z0-9.:_-]{1,253}$/, HOST_FORMAT)),
    "127.0.0.1",
  ),
  // 0 is any port that is free, so that two runs at once are no mistake.
  port: v.optional(whole(0, 65_535), 0),
});

/** How it is said what happens: on standard output, and in the output folder's `logs`, a file for each process. */
const logs = strictObject({
  format: v.optional(choice(["text", "json"]), "text"),
  level: v.optional(choice(["debug", "info", "warning", "error"]), "info"),
  max_size: v.optional(
    parsed(`${SIZE_FORMAT}, at least 1KB`, (value) => {
      const bytes = parseBytes(value);
      return bytes !== undefined && bytes >= 1_024 ? bytes : undefined;
    }, writeBytes),
    "10MB",
  ),
  max_files: v.optional(whole(1, 100), 3),
});

const checkpointing = strictObject({
  enabled: v.optional(flag(), false),
  interval: v.optional(positiveDuration(), "30m"),
  path: v.optional(text("a folder"), "./checkpoints"),
  keep: v.optional(whole(1, 100), 3),
});

/** Figures of the report, under the paths they have there, and what they have to keep to. */
const thresholds = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, readonly Threshold[]>(({ dataset, addIssue, NEVER }) => {
    const { thresholds, problems } = readThresholds(dataset.value);
    for (const { path, message, unknown = false } of problems) {
      const [first, ...rest] = path.map((key) => pathItem(key, dataset.value));
      addIssue({
        message,
        path: first && [first, ...rest],
        ...unknown ? { expected: "never" } : {},
      });
    }
    return problems.length > 0 ? NEVER : thresholds;
  }),
  v.metadata({ write: writeThresholds }),
);

function pathItem(key: string | number, input: unknown): v.UnknownPathItem {
  return { type: "unknown", origin: "value", input, key, value: undefined };
}

/** The schema. Durations come out in milliseconds, sizes in bytes. */
export const simulationSchema = strictObject({
  simulation: v.optional(simulation, {}),
  partitions: v.optional(partitions, {}),
  producers: v.optional(producers, {}),
  workers: v.optional(workers, {}),
  coordinator: v.optional(
    strictObject({ validation_window: v.optional(positiveDuration(), "5m") }),
    {},
  ),
  chaos: v.optional(chaos, {}),
  thresholds: v.optional(thresholds, {}),
  nats: v.optional(natsSection, {}),
  metrics: v.optional(metrics, {}),
  logs: v.optional(logs, {}),
  checkpointing: v.optional(checkpointing, {}),
  page: v.optional(page, {}),
});

/** A checked configuration, in the file's own spelling; durations are milliseconds, sizes are bytes. */
export type SimulationConfig = v.InferOutput<typeof simulationSchema>;
