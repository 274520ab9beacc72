/**
 * The configuration of the simulated group.
 *
 * @module
 */
import type { ConsumerInput, GroupConfigInput } from "../../config/config.ts";
import { resolveConfig } from "../../config/config.ts";
import { capabilitiesOf } from "../../ports/nats/capabilities.ts";
import type { CadenceRules } from "./cadence.ts";
import { SHARD_TEMPLATE } from "./feed_shape.ts";
import { DEAD_PREFIX, FEED, FEED_PREFIX, GROUP } from "./names.ts";
import type { CoreParameters } from "./parameters.ts";

/** A round trip of a large group takes so many times the longest usual way of one message. */
const WAYS = 100;
/** The least that a leader may take to see something and to write what follows from it, in milliseconds. */
const SLACK_MIN_MS = 1_000;

/**
 * The configuration of a worker.
 *
 * @param parameters the run's
 * @returns what each worker is given, but for its preferred ID
 */
export function groupConfig({ preset, ids, config, shards }: CoreParameters): GroupConfigInput {
  const consumer = config["consumer"] as Partial<ConsumerInput> | undefined;
  return {
    ...config,
    group: GROUP,
    preset,
    workerIdMax: ids - 1,
    consumer: {
      ...consumer,
      stream: FEED,
      ...(shards === 0
        ? { subjectTemplate: `${FEED_PREFIX}{{.PartitionID}}` }
        : { shards, subjectTemplate: SHARD_TEMPLATE }),
      deadLetterSubject: `${DEAD_PREFIX}{{.PartitionID}}`,
    },
  };
}

/**
 * What leaders of the group go by.
 *
 * @param parameters the run's
 * @returns the rules, for whoever watches when they write
 */
export function cadenceRules(parameters: CoreParameters): CadenceRules {
  const config = resolveConfig(groupConfig(parameters));
  return {
    coldStartWindowMs: config.coldStartWindowMs,
    plannedScaleWindowMs: config.plannedScaleWindowMs,
    settleMs: config.settleMs,
    minRebalanceIntervalMs: config.assignment.minRebalanceIntervalMs,
    emergencyGracePeriodMs: config.emergencyGracePeriodMs,
    recoveryGracePeriodMs: config.degradedBehavior.recoveryGracePeriodMs,
    heartbeatTtlMs: config.heartbeatTtlMs,
    electionTimeoutMs: config.electionTimeoutMs,
    silentTtlMs: capabilitiesOf(parameters.version).markers ? 0 : config.heartbeatTtlMs,
    slackMs: SLACK_MIN_MS + WAYS * parameters.latencyMaxMs,
  };
}
