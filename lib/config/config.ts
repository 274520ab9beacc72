/**
 * The group's configuration as the library uses it: everything explicit, everything checked, every time in milliseconds.
 * `config_input.ts` documents the keys a user writes; the fields here have the same names with their unit at the end.
 *
 * @module
 */
import { safeParse } from "valibot";
import type { GroupConfigInput } from "./config_input.ts";
import { complete, deepFreeze } from "./config_complete.ts";
import { configError, type ConfigSource, problemsOf } from "./config_problems.ts";
import { checkRules } from "./config_rules.ts";
import { groupSchema } from "./config_schema.ts";
import { copyData, isSameData } from "./plain_data.ts";

export type { ConfigProblem, ConfigSource, KeyPath, Place } from "./config_problems.ts";
export { configWarnings } from "./config_rules.ts";
export { configJsonSchema } from "./config_schema.ts";

export type {
  AssignmentInput,
  ConsumerFromInput,
  ConsumerInput,
  DegradedAlertInput,
  DegradedBehaviorInput,
  DegradedBehaviorPreset,
  DurationInput,
  GroupConfigInput,
  GroupPreset,
  KvBucketsInput,
  ProbeInput,
} from "./config_input.ts";

/** When partitions are moved. */
export interface AssignmentConfig {
  /** Imbalance alone is a reason to move partitions above this share over the mean load. */
  readonly minRebalanceThreshold: number;
  /** The least time between two planned rebalances, in milliseconds. */
  readonly minRebalanceIntervalMs: number;
}

/** How the group's buckets are made. */
export interface KvBucketsConfig {
  /** How many servers hold each bucket. */
  readonly replicas: number;
  /** Where they are kept. */
  readonly storage: "file" | "memory";
}

/** How workers are probed. */
export interface ProbeConfig {
  /** The time between two probes of one worker, in milliseconds. */
  readonly intervalMs: number;
  /** How long an answer may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How long after a first miss the probe that decides is sent, in milliseconds. */
  readonly graceMs: number;
  /** About how many probes one worker sends per second; more workers stretch the rounds. Whoever is said to have gone is asked for at once. */
  readonly budgetPerSecond: number;
}

/** When degraded mode raises alerts. */
export interface DegradedAlertConfig {
  /** Time in degraded mode until the informational alert, in milliseconds. */
  readonly infoThresholdMs: number;
  /** Time in degraded mode until the warning, in milliseconds. */
  readonly warnThresholdMs: number;
  /** Time in degraded mode until the error, in milliseconds. */
  readonly errorThresholdMs: number;
  /** Time in degraded mode until the critical alert, in milliseconds. */
  readonly criticalThresholdMs: number;
  /** How often the alert of the present level is repeated, in milliseconds. */
  readonly alertIntervalMs: number;
}

/** When degraded mode begins and ends. */
export interface DegradedBehaviorConfig {
  /** How long the buckets must be out of reach before it begins, in milliseconds. */
  readonly enterThresholdMs: number;
  /** How long they must answer again before it ends, in milliseconds. */
  readonly exitThresholdMs: number;
  /** So many failed operations within the window begin it too. */
  readonly kvErrorThreshold: number;
  /** The window in which failures are counted, in milliseconds. */
  readonly kvErrorWindowMs: number;
  /** How long after the reconnect a newly elected leader waits for workers that were cut off too, in milliseconds. */
  readonly recoveryGracePeriodMs: number;
}

/** The stream of which a sharded feed is made. */
export interface ConsumerFromConfig {
  /** The stream. */
  readonly stream: string;
  /** A message's subject in it, with `{{.PartitionID}}` exactly once. */
  readonly subjectTemplate: string;
  /** Where the very first copy begins; undefined for all, into new shards. */
  readonly begin: "all" | "new" | undefined;
}

/** How messages are consumed. */
export interface GroupConsumerConfig {
  /** The stream. */
  readonly stream: string;
  /** A partition's subject, with `{{.PartitionID}}` exactly once, and in a sharded feed with `{{.Shard}}`. */
  readonly subjectTemplate: string;
  /** How many shards the feed has; undefined if it is one stream. */
  readonly shards: number | undefined;
  /** What the leader copies into the shards; undefined if others publish to them. */
  readonly from: ConsumerFromConfig | undefined;
  /** Unacknowledged messages are delivered again after this long, in milliseconds. */
  readonly ackWaitMs: number;
  /** How often a message is tried before it counts as poison, ≥ 1. */
  readonly maxDeliver: number;
  /** How many messages are held in advance at least, as long as they are no more than 16 MB. */
  readonly prefetch: number;
  /** How many partitions are handled at the same time. */
  readonly concurrency: number;
  /** The wait before the first retry, in milliseconds. */
  readonly retryBaseMs: number;
  /** The factor between two waits, ≥ 1. */
  readonly retryMultiplier: number;
  /** The longest wait between two tries, in milliseconds. */
  readonly retryMaxMs: number;
  /** What becomes of a poison message. */
  readonly onPoison: "dead-letter" | "stop";
  /** Where poison messages go, with `{{.PartitionID}}` at most once. */
  readonly deadLetterSubject: string;
  /** How many lanes a worker may have before idle ones are merged. */
  readonly maxLanes: number;
  /** The server removes a lane that nobody pulled from for this long, in milliseconds. */
  readonly inactiveThresholdMs: number;
  /** The handler acknowledges by itself. */
  readonly manualAck: boolean;
}

/** The group's configuration, complete and frozen. */
export interface GroupConfig {
  /** The group's name, one subject token. */
  readonly group: string;
  /** A stable ID is `<workerIdPrefix>-<n>`. */
  readonly workerIdPrefix: string;
  /** The first number of the ID pool. */
  readonly workerIdMin: number;
  /** The last number of the ID pool, inclusive. */
  readonly workerIdMax: number;
  /** How long the server keeps a lease after its last renewal, in milliseconds. */
  readonly workerIdTtlMs: number;
  /** The ID number to claim first; undefined for the lowest free one. */
  readonly preferredId: number | undefined;
  /** How much this worker can carry compared with others, > 0. */
  readonly capacity: number;
  /** What is known of this worker. */
  readonly labels: Readonly<Record<string, string>>;
  /** How often a lease is renewed, in milliseconds. */
  readonly heartbeatIntervalMs: number;
  /** A lease ends this long after its last good renewal, in milliseconds. */
  readonly heartbeatTtlMs: number;
  /** The most a new group waits before its first assignment, in milliseconds. */
  readonly coldStartWindowMs: number;
  /** The most a running group waits for further joins, in milliseconds. */
  readonly plannedScaleWindowMs: number;
  /** Windows close when the roster was quiet for this long, in milliseconds. */
  readonly settleMs: number;
  /** The wait between a worker's detected death and the move of its partitions, in milliseconds; 0 is at once. */
  readonly emergencyGracePeriodMs: number;
  /** At least this share of the workers missing, as a leader new to the group finds it, is a restart of the group. */
  readonly restartDetectionRatio: number;
  /** How long the partition source, a refresh, the confirmation of acks or a dead letter may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** The leader's lease ends this long after its last good renewal, in milliseconds. */
  readonly electionTimeoutMs: number;
  /** How long `start()` may take, in milliseconds. */
  readonly startupTimeoutMs: number;
  /** How long `stop()` may take, in milliseconds. */
  readonly shutdownTimeoutMs: number;
  /** How long running handlers may go on when their partitions are to move or their shard needs a fresh lane, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** When partitions are moved. */
  readonly assignment: AssignmentConfig;
  /** How the buckets are made. */
  readonly kvBuckets: KvBucketsConfig;
  /** How workers are probed. */
  readonly probe: ProbeConfig;
  /** When degraded mode raises alerts. */
  readonly degradedAlert: DegradedAlertConfig;
  /** When degraded mode begins and ends. */
  readonly degradedBehavior: DegradedBehaviorConfig;
  /** How messages are consumed; undefined where the application consumes by itself. */
  readonly consumer: GroupConsumerConfig | undefined;
}

/** What was completed last, and from what. */
let last: { readonly input: GroupConfigInput; readonly config: GroupConfig } | undefined;

/**
 * Completes and checks a configuration. The workers of a process mostly have the same one: where the last one was made from the same
 * input, it is the answer.
 *
 * @param input what the user wants; only `group` is required, and `consumer.stream` where there is a `consumer`
 * @returns the configuration: complete, checked, frozen. An explicit zero is kept as a zero.
 * @throws {PartiError} `PARTI_INVALID_CONFIG`: one message with every problem's key, value and what is allowed; `value` is the
 *   list of problems
 */
export function resolveConfig(input: GroupConfigInput): GroupConfig {
  if (last === undefined || !isSameData(input, last.input)) {
    const config = resolveConfigFrom(input);
    last = { input: copyData(input), config };
  }
  return last.config;
}

/**
 * Completes and checks a configuration of unknown shape.
 *
 * @param input what was read
 * @param source where it was read, for the places in errors
 * @returns the configuration: complete, checked, frozen
 * @throws {PartiError} `PARTI_INVALID_CONFIG` as {@linkcode resolveConfig}
 */
export function resolveConfigFrom(input: unknown, source?: ConfigSource): GroupConfig {
  const parsed = safeParse(groupSchema, input);
  if (!parsed.success) throw configError(problemsOf(parsed.issues, input), source);
  const config = complete(parsed.output);
  const problems = checkRules(config, input);
  if (problems.length > 0) throw configError(problems, source);
  return deepFreeze(config);
}
