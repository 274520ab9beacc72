/**
 * The schema of the configuration: which keys there are and what each may hold by itself. What the keys must be to each
 * other is in `config_rules.ts`, the documentation in `config_input.ts`.
 *
 * @module
 */
import { description, optional, pipe, string } from "valibot";
import { CONSUMER_DEFAULTS, DEGRADED_BEHAVIOR_PRESETS, GROUP_PRESETS } from "./config_defaults.ts";
import { formatDuration } from "./duration.ts";
import { mapping } from "./schema_objects.ts";
import {
  choice,
  duration,
  flag,
  jsonSchemaOf,
  real,
  section,
  text,
  textThat,
  whole,
} from "./schema_parts.ts";
import { SHARDS_MAX } from "../sharding/shards.ts";
import { placeholders } from "../subject_template.ts";

const TOKEN_ALLOWED = "1 to 64 characters of A-Z, a-z, 0-9, _ and -";
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const STREAM_ALLOWED = "a stream's name: no dots, wildcards, slashes, spaces or control characters";
// deno-lint-ignore no-control-regex
const STREAM = /^[^\s.*>/\\\u0000-\u001f\u007f]+$/;

const SUBJECT =
  "a subject without empty tokens, wildcards and spaces that contains {{.PartitionID}}";

const assignment = section("When partitions are moved and when not.", {
  minRebalanceThreshold: optional(real(
    "How far the heaviest worker may be above the mean load before imbalance alone moves partitions.",
    "a number, at least 0",
    { min: 0 },
  )),
  minRebalanceInterval: optional(duration(
    "The least time between two planned rebalances. Never delays an emergency.",
    "or-zero",
  )),
});

const kvBuckets = section("How the group's key-value buckets are made.", {
  replicas: optional(whole("How many servers hold each bucket.", 1, 5)),
  storage: optional(
    choice("Where the buckets are kept. Memory is lost with the server: for tests only.", [
      "file",
      "memory",
    ]),
  ),
});

const probe = section("How workers are probed for being there.", {
  interval: optional(duration("The time between two probes of one worker.", "above-zero")),
  timeout: optional(duration(
    "How long a probe's answer may take before it counts as a miss.",
    "above-zero",
  )),
  grace: optional(duration(
    "How long after a first miss the probe that decides is sent.",
    "or-zero",
  )),
  budgetPerSecond: optional(real(
    "About how many probes one worker sends per second: more workers stretch the rounds.",
    "a number above 0",
    { above: 0 },
  )),
});

const degradedAlert = section("After how long in degraded mode which alert is raised.", {
  infoThreshold: optional(duration("Time until the informational alert.", "or-zero")),
  warnThreshold: optional(duration("Time until the warning.", "or-zero")),
  errorThreshold: optional(duration("Time until the error.", "or-zero")),
  criticalThreshold: optional(duration("Time until the critical alert.", "or-zero")),
  alertInterval: optional(duration(
    "How often the alert of the present level is repeated.",
    "above-zero",
  )),
});

const degradedBehavior = section("When degraded mode begins and ends.", {
  preset: optional(choice("Where the other four keys start from.", [
    "conservative",
    "balanced",
    "aggressive",
  ])),
  enterThreshold: optional(duration(
    "How long the buckets must be out of reach before degraded mode begins.",
    "or-zero",
  )),
  exitThreshold: optional(duration(
    "How long the buckets must answer again before degraded mode ends.",
    "or-zero",
  )),
  kvErrorThreshold: optional(whole(
    "So many failed bucket operations within kvErrorWindow begin degraded mode too.",
    1,
  )),
  kvErrorWindow: optional(duration(
    "The window in which failed bucket operations are counted.",
    "above-zero",
  )),
  recoveryGracePeriod: optional(duration(
    "How long after degraded mode a newly elected leader waits for workers that were cut off too.",
    "or-zero",
  )),
});

/** The schema of `consumer`. */
export const consumerSchema = section("How the owned partitions' messages are consumed.", {
  stream: text("The WorkQueue stream to consume.", STREAM_ALLOWED, STREAM),
  subjectTemplate: optional(textThat(
    "A partition's subject; {{.PartitionID}} stands for its keys joined with dots, {{.Shard}} for its shard.",
    `${SUBJECT} exactly once`,
    (subject) => placeholders(subject) === 1,
  )),
  shards: optional(whole(
    "How many streams <stream>-0, <stream>-1, … the feed consists of; without it, it is one stream.",
    1,
    SHARDS_MAX,
  )),
  from: optional(section("A stream that the leader copies into the shards.", {
    stream: text("The stream, of limits or interest retention.", STREAM_ALLOWED, STREAM),
    subjectTemplate: optional(textThat(
      "A message's subject in it; {{.PartitionID}} is where the key is.",
      `${SUBJECT} exactly once`,
      (subject) => placeholders(subject) === 1 && !subject.includes("{{.Shard}}"),
    )),
    begin: optional(choice("Where the very first copy begins.", ["all", "new"])),
  })),
  ackWait: optional(duration(
    "The server delivers an unacknowledged message again after this long.",
    "above-zero",
  )),
  maxDeliver: optional(whole("How often a message is tried before it counts as poison.", 1)),
  prefetch: optional(whole(
    "How many messages a worker holds in advance at least, over all its partitions; more where its handlers are quick, and in any case no more than 16 MB.",
    1,
  )),
  concurrency: optional(whole(
    "How many partitions a worker handles at the same time.",
    1,
  )),
  retryBase: optional(duration("The wait before the first retry.", "or-zero")),
  retryMultiplier: optional(real(
    "Each further wait is longer by this factor.",
    "a number, at least 1",
    { min: 1 },
  )),
  retryMax: optional(duration("The longest wait between two tries.", "or-zero")),
  onPoison: optional(choice("What becomes of a message that failed maxDeliver times.", [
    "dead-letter",
    "stop",
  ])),
  deadLetterSubject: optional(textThat(
    "Where poison messages go; a stream must store it.",
    `${SUBJECT} at most once`,
    (subject) => (placeholders(subject) ?? 2) <= 1 && !subject.includes("{{.Shard}}"),
  )),
  maxLanes: optional(whole(
    "How many lanes (durable consumers) a worker may have before idle ones are merged.",
    1,
  )),
  inactiveThreshold: optional(duration(
    "The server removes a lane that nobody pulled from for this long.",
    "above-zero",
  )),
  manualAck: optional(flag("The handler acknowledges by itself.")),
});

/** The schema of the whole configuration. */
export const groupSchema = section("The configuration of a parti group.", {
  group: text("The group's name: all buckets and subjects are under it.", TOKEN_ALLOWED, TOKEN),
  preset: optional(
    choice("Where the other defaults come from; fast is for tests.", ["default", "fast"]),
  ),
  workerIdPrefix: optional(
    text("A worker's stable ID is <workerIdPrefix>-<n>.", TOKEN_ALLOWED, TOKEN),
  ),
  workerIdMin: optional(whole("The first number of the ID pool.", 0)),
  workerIdMax: optional(whole("The last number of the ID pool, inclusive.", 0)),
  workerIdTtl: optional(duration(
    "How long the server keeps a lease after its last renewal.",
    "above-zero",
  )),
  preferredId: optional(whole("The ID number to claim first, if it is free.", 0)),
  capacity: optional(
    real("How much this worker can carry compared with the others.", "a number above 0", {
      above: 0,
    }),
  ),
  labels: optional(pipe(
    mapping(string("a text"), "a mapping to texts"),
    description("What strategies and people should know of this worker."),
  )),
  heartbeatInterval: optional(duration("How often a worker renews its lease.", "above-zero")),
  heartbeatTtl: optional(
    duration("A lease ends this long after its last good renewal.", "above-zero"),
  ),
  coldStartWindow: optional(duration(
    "The most a new group waits for further workers before its first assignment.",
    "or-zero",
  )),
  plannedScaleWindow: optional(duration(
    "The most a running group waits for further joins before it moves partitions.",
    "or-zero",
  )),
  settle: optional(
    duration("Windows close as soon as no worker joined or left for this long.", "or-zero"),
  ),
  emergencyGracePeriod: optional(duration(
    "How long a leader waits after a worker was found dead before it moves its partitions; 0: at once.",
    "or-zero",
  )),
  restartDetectionRatio: optional(real(
    "At least this share of the workers missing, as a leader new to the group finds it, is a restart of the group.",
    "a number from 0 to 1",
    { min: 0, max: 1 },
  )),
  operationTimeout: optional(duration(
    "How long the partition source, a refresh, the confirmation of acks or a dead letter may take.",
    "above-zero",
  )),
  electionTimeout: optional(duration(
    "The leader's lease ends this long after its last good renewal.",
    "above-zero",
  )),
  startupTimeout: optional(duration("How long start() may take.", "above-zero")),
  shutdownTimeout: optional(duration("How long stop() may take, draining included.", "above-zero")),
  drainTimeout: optional(duration(
    "How long running handlers may go on when their partitions are to move or their shard needs a fresh lane.",
    "or-zero",
  )),
  assignment: optional(assignment),
  kvBuckets: optional(kvBuckets),
  probe: optional(probe),
  degradedAlert: optional(degradedAlert),
  degradedBehavior: optional(degradedBehavior),
  consumer: optional(consumerSchema),
});

/** A part of a JSON Schema, as far as the defaults go. */
interface SchemaNode {
  default?: unknown;
  readonly properties?: Record<string, SchemaNode>;
}

function addDefaults(node: SchemaNode, defaults: object): void {
  for (const [name, value] of Object.entries(defaults)) {
    // The library's names end with the unit, the user's do not: their durations are texts with a unit.
    const key = name.replace(/Ms$/, "");
    const child = node.properties?.[key];
    // A section has no default of its own, only its keys have: an editor would offer to write the whole block.
    if (child?.properties !== undefined) addDefaults(child, value);
    else if (child !== undefined) child.default = key === name ? value : formatDuration(value);
  }
}

/**
 * The JSON Schema of the configuration, with descriptions and defaults: for editors and for checks in other languages.
 *
 * @returns a fresh JSON Schema (draft 2020-12) of what a user may write
 */
export function configJsonSchema(): Record<string, unknown> {
  const schema = jsonSchemaOf(groupSchema);
  const defaults = GROUP_PRESETS.default;
  addDefaults(schema, {
    ...defaults,
    preset: "default",
    degradedBehavior: {
      preset: defaults.degradedBehavior,
      ...DEGRADED_BEHAVIOR_PRESETS[defaults.degradedBehavior],
    },
    consumer: CONSUMER_DEFAULTS,
  });
  return { ...schema, title: "parti group configuration" };
}
