/**
 * From what a user wrote to what the library uses: presets and defaults filled in, units in the names, nothing left open.
 *
 * @module
 */
import type { InferOutput } from "valibot";
import type { GroupConfig, GroupConsumerConfig } from "./config.ts";
import { CONSUMER_DEFAULTS, DEGRADED_BEHAVIOR_PRESETS, GROUP_PRESETS } from "./config_defaults.ts";
import type { consumerSchema, groupSchema } from "./config_schema.ts";

/** A group's configuration as the schema gives it back: durations are milliseconds, defaults are missing. */
export type ParsedGroup = InferOutput<typeof groupSchema>;
/** A consumer's configuration as the schema gives it back. */
export type ParsedConsumer = InferOutput<typeof consumerSchema>;

/**
 * Fills in the defaults. Only each key by itself has been checked so far, not what the keys must be to each other.
 *
 * @param input what the schema gave back
 * @returns the whole configuration
 */
export function complete(input: ParsedGroup): GroupConfig {
  const d = GROUP_PRESETS[input.preset ?? "default"];
  return {
    group: input.group,
    workerIdPrefix: input.workerIdPrefix ?? d.workerIdPrefix,
    workerIdMin: input.workerIdMin ?? d.workerIdMin,
    workerIdMax: input.workerIdMax ?? d.workerIdMax,
    workerIdTtlMs: input.workerIdTtl ?? d.workerIdTtlMs,
    preferredId: input.preferredId,
    capacity: input.capacity ?? d.capacity,
    // A copy: the caller's object is neither frozen nor followed.
    labels: { ...input.labels ?? d.labels },
    heartbeatIntervalMs: input.heartbeatInterval ?? d.heartbeatIntervalMs,
    heartbeatTtlMs: input.heartbeatTtl ?? d.heartbeatTtlMs,
    coldStartWindowMs: input.coldStartWindow ?? d.coldStartWindowMs,
    plannedScaleWindowMs: input.plannedScaleWindow ?? d.plannedScaleWindowMs,
    settleMs: input.settle ?? d.settleMs,
    emergencyGracePeriodMs: input.emergencyGracePeriod ?? d.emergencyGracePeriodMs,
    restartDetectionRatio: input.restartDetectionRatio ?? d.restartDetectionRatio,
    operationTimeoutMs: input.operationTimeout ?? d.operationTimeoutMs,
    electionTimeoutMs: input.electionTimeout ?? d.electionTimeoutMs,
    startupTimeoutMs: input.startupTimeout ?? d.startupTimeoutMs,
    shutdownTimeoutMs: input.shutdownTimeout ?? d.shutdownTimeoutMs,
    drainTimeoutMs: input.drainTimeout ?? d.drainTimeoutMs,
    ...completeSections(input),
    consumer: input.consumer === undefined
      ? undefined
      : completeConsumer(input.consumer, input.group),
  };
}

type Sections = Pick<
  GroupConfig,
  "assignment" | "kvBuckets" | "probe" | "degradedAlert" | "degradedBehavior"
>;

function completeSections(input: ParsedGroup): Sections {
  const d = GROUP_PRESETS[input.preset ?? "default"];
  const { assignment, kvBuckets, probe, degradedAlert: alert, degradedBehavior: behavior } = input;
  const b = DEGRADED_BEHAVIOR_PRESETS[behavior?.preset ?? d.degradedBehavior];
  return {
    assignment: {
      minRebalanceThreshold: assignment?.minRebalanceThreshold ??
        d.assignment.minRebalanceThreshold,
      minRebalanceIntervalMs: assignment?.minRebalanceInterval ??
        d.assignment.minRebalanceIntervalMs,
    },
    kvBuckets: {
      replicas: kvBuckets?.replicas ?? d.kvBuckets.replicas,
      storage: kvBuckets?.storage ?? d.kvBuckets.storage,
    },
    probe: {
      intervalMs: probe?.interval ?? d.probe.intervalMs,
      timeoutMs: probe?.timeout ?? d.probe.timeoutMs,
      graceMs: probe?.grace ?? d.probe.graceMs,
      budgetPerSecond: probe?.budgetPerSecond ?? d.probe.budgetPerSecond,
    },
    degradedAlert: {
      infoThresholdMs: alert?.infoThreshold ?? d.degradedAlert.infoThresholdMs,
      warnThresholdMs: alert?.warnThreshold ?? d.degradedAlert.warnThresholdMs,
      errorThresholdMs: alert?.errorThreshold ?? d.degradedAlert.errorThresholdMs,
      criticalThresholdMs: alert?.criticalThreshold ?? d.degradedAlert.criticalThresholdMs,
      alertIntervalMs: alert?.alertInterval ?? d.degradedAlert.alertIntervalMs,
    },
    degradedBehavior: {
      enterThresholdMs: behavior?.enterThreshold ?? b.enterThresholdMs,
      exitThresholdMs: behavior?.exitThreshold ?? b.exitThresholdMs,
      kvErrorThreshold: behavior?.kvErrorThreshold ?? b.kvErrorThreshold,
      kvErrorWindowMs: behavior?.kvErrorWindow ?? b.kvErrorWindowMs,
      recoveryGracePeriodMs: behavior?.recoveryGracePeriod ?? b.recoveryGracePeriodMs,
    },
  };
}

function completeConsumer(input: ParsedConsumer, group: string): GroupConsumerConfig {
  const d = CONSUMER_DEFAULTS;
  return {
    stream: input.stream,
    subjectTemplate: input.subjectTemplate ?? defaultTemplate(input),
    shards: input.shards,
    from: input.from && {
      stream: input.from.stream,
      subjectTemplate: input.from.subjectTemplate ?? `${input.from.stream}.{{.PartitionID}}`,
      begin: input.from.begin,
    },
    ackWaitMs: input.ackWait ?? d.ackWaitMs,
    maxDeliver: input.maxDeliver ?? d.maxDeliver,
    prefetch: input.prefetch ?? d.prefetch,
    concurrency: input.concurrency ?? d.concurrency,
    retryBaseMs: input.retryBase ?? d.retryBaseMs,
    retryMultiplier: input.retryMultiplier ?? d.retryMultiplier,
    retryMaxMs: input.retryMax ?? d.retryMaxMs,
    onPoison: input.onPoison ?? d.onPoison,
    deadLetterSubject: input.deadLetterSubject ?? `parti.${group}.dead.{{.PartitionID}}`,
    maxLanes: input.maxLanes ?? d.maxLanes,
    inactiveThresholdMs: input.inactiveThreshold ?? d.inactiveThresholdMs,
    manualAck: input.manualAck ?? d.manualAck,
  };
}

function defaultTemplate({ stream, shards }: ParsedConsumer): string {
  return shards === undefined
    ? `${stream}.{{.PartitionID}}`
    : `${stream}.{{.Shard}}.{{.PartitionID}}`;
}

/**
 * Freezes an object and all objects in it.
 *
 * @param value a tree of plain objects
 * @returns the same object
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
