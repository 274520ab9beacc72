/**
 * The defaults and the presets. A zero in a preset means zero.
 *
 * @module
 */
import type { DegradedBehaviorConfig, GroupConfig, GroupConsumerConfig } from "./config.ts";
import type { DegradedBehaviorPreset, GroupPreset } from "./config_input.ts";

/** All defaults of a group but those that are made from other keys; `degradedBehavior` names a preset of its own. */
export interface GroupDefaults
  extends Omit<GroupConfig, "group" | "preferredId" | "consumer" | "degradedBehavior"> {
  /** The preset of `degradedBehavior`. */
  readonly degradedBehavior: DegradedBehaviorPreset;
}

const DEFAULT_PRESET: GroupDefaults = {
  workerIdPrefix: "worker",
  workerIdMin: 0,
  workerIdMax: 99,
  workerIdTtlMs: 30_000,
  capacity: 1,
  labels: {},
  heartbeatIntervalMs: 2_000,
  heartbeatTtlMs: 6_000,
  coldStartWindowMs: 30_000,
  plannedScaleWindowMs: 10_000,
  settleMs: 500,
  emergencyGracePeriodMs: 0,
  restartDetectionRatio: 0.5,
  operationTimeoutMs: 10_000,
  electionTimeoutMs: 5_000,
  startupTimeoutMs: 60_000,
  shutdownTimeoutMs: 10_000,
  drainTimeoutMs: 5_000,
  assignment: { minRebalanceThreshold: 0.15, minRebalanceIntervalMs: 10_000 },
  kvBuckets: { replicas: 1, storage: "file" },
  probe: { intervalMs: 200, timeoutMs: 250, graceMs: 100, budgetPerSecond: 40 },
  degradedAlert: {
    infoThresholdMs: 30_000,
    warnThresholdMs: 120_000,
    errorThresholdMs: 300_000,
    criticalThresholdMs: 600_000,
    alertIntervalMs: 60_000,
  },
  degradedBehavior: "balanced",
};

/** The group's defaults under each preset. */
export const GROUP_PRESETS: Readonly<Record<GroupPreset, GroupDefaults>> = {
  default: DEFAULT_PRESET,
  fast: {
    ...DEFAULT_PRESET,
    workerIdTtlMs: 5_000,
    heartbeatIntervalMs: 500,
    heartbeatTtlMs: 1_500,
    coldStartWindowMs: 1_000,
    plannedScaleWindowMs: 500,
    settleMs: 100,
    operationTimeoutMs: 2_000,
    electionTimeoutMs: 1_500,
    startupTimeoutMs: 10_000,
    shutdownTimeoutMs: 5_000,
    drainTimeoutMs: 2_000,
    assignment: { minRebalanceThreshold: 0.15, minRebalanceIntervalMs: 100 },
    probe: { intervalMs: 100, timeoutMs: 250, graceMs: 50, budgetPerSecond: 300 },
    degradedBehavior: "aggressive",
  },
};

/** The defaults of `degradedBehavior` under each of its presets. */
export const DEGRADED_BEHAVIOR_PRESETS: Readonly<
  Record<DegradedBehaviorPreset, DegradedBehaviorConfig>
> = {
  conservative: {
    enterThresholdMs: 30_000,
    exitThresholdMs: 10_000,
    kvErrorThreshold: 10,
    kvErrorWindowMs: 30_000,
    recoveryGracePeriodMs: 20_000,
  },
  balanced: {
    enterThresholdMs: 10_000,
    exitThresholdMs: 5_000,
    kvErrorThreshold: 5,
    kvErrorWindowMs: 30_000,
    recoveryGracePeriodMs: 15_000,
  },
  aggressive: {
    enterThresholdMs: 5_000,
    exitThresholdMs: 3_000,
    kvErrorThreshold: 3,
    kvErrorWindowMs: 15_000,
    recoveryGracePeriodMs: 10_000,
  },
};

/** The defaults of `consumer` but those that are made from names. */
export const CONSUMER_DEFAULTS: Readonly<
  Omit<GroupConsumerConfig, "stream" | "subjectTemplate" | "shards" | "from" | "deadLetterSubject">
> = {
  ackWaitMs: 30_000,
  maxDeliver: 5,
  prefetch: 256,
  concurrency: 64,
  retryBaseMs: 200,
  retryMultiplier: 1.6,
  retryMaxMs: 5_000,
  onPoison: "dead-letter",
  maxLanes: 4,
  inactiveThresholdMs: 300_000,
  manualAck: false,
};
