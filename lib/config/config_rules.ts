/**
 * What the keys of the configuration must be to each other, and what is allowed but seldom meant.
 *
 * Three rules of the Go program are gone. `minRebalanceInterval` need not be shorter than the windows and may be 0: a window of
 * zero is allowed here, and the interval only spaces planned moves. `emergencyGracePeriod` has no upper bound but the one below,
 * since it counts from the detection. Zero is zero, never "the default".
 *
 * @module
 */
import type { GroupConfig } from "./config.ts";
import { type ConfigProblem, type KeyPath, valueAt } from "./config_problems.ts";
import { formatDuration } from "./duration.ts";
import { isShardTemplate } from "../sharding/shards.ts";
import { mayMeet } from "../subject_template.ts";

/** A number of the configuration under the name that users know. */
interface Quantity {
  readonly key: string;
  /** Undefined where its section is left out: the rule then holds. */
  readonly of: (config: GroupConfig) => number | undefined;
  readonly unit: "ms" | "count";
}

const ms = (key: string, of: Quantity["of"]): Quantity => ({ key, of, unit: "ms" });
const count = (key: string, of: Quantity["of"]): Quantity => ({ key, of, unit: "count" });

const heartbeatInterval = ms("heartbeatInterval", (c) => c.heartbeatIntervalMs);
const heartbeatTtl = ms("heartbeatTtl", (c) => c.heartbeatTtlMs);
const workerIdTtl = ms("workerIdTtl", (c) => c.workerIdTtlMs);
const workerIdMin = count("workerIdMin", (c) => c.workerIdMin);
const workerIdMax = count("workerIdMax", (c) => c.workerIdMax);
const preferredId = count("preferredId", (c) => c.preferredId);
const coldStartWindow = ms("coldStartWindow", (c) => c.coldStartWindowMs);
const plannedScaleWindow = ms("plannedScaleWindow", (c) => c.plannedScaleWindowMs);
const emergencyGrace = ms("emergencyGracePeriod", (c) => c.emergencyGracePeriodMs);
const electionTimeout = ms("electionTimeout", (c) => c.electionTimeoutMs);
const drainTimeout = ms("drainTimeout", (c) => c.drainTimeoutMs);
const shutdownTimeout = ms("shutdownTimeout", (c) => c.shutdownTimeoutMs);
const info = ms("degradedAlert.infoThreshold", (c) => c.degradedAlert.infoThresholdMs);
const warn = ms("degradedAlert.warnThreshold", (c) => c.degradedAlert.warnThresholdMs);
const error = ms("degradedAlert.errorThreshold", (c) => c.degradedAlert.errorThresholdMs);
const critical = ms("degradedAlert.criticalThreshold", (c) => c.degradedAlert.criticalThresholdMs);
const retryBase = ms("consumer.retryBase", (c) => c.consumer?.retryBaseMs);
const retryMax = ms("consumer.retryMax", (c) => c.consumer?.retryMaxMs);
const prefetch = count("consumer.prefetch", (c) => c.consumer?.prefetch);
const concurrency = count("consumer.concurrency", (c) => c.consumer?.concurrency);
const ackWait = ms("consumer.ackWait", (c) => c.consumer?.ackWaitMs);
const inactive = ms("consumer.inactiveThreshold", (c) => c.consumer?.inactiveThresholdMs);

/** `big` must be at least `factor` times `small`. */
interface Rule {
  readonly big: Quantity;
  readonly small: Quantity;
  readonly factor: number;
  /** Which of the two is blamed where the user wrote both. */
  readonly blame: "big" | "small";
}

const atLeast = (big: Quantity, factor: number, small: Quantity): Rule => ({
  big,
  small,
  factor,
  blame: "big",
});
const atMost = (small: Quantity, big: Quantity): Rule => ({
  big,
  small,
  factor: 1,
  blame: "small",
});

const RULES: readonly Rule[] = [
  // One lost heartbeat must not end a lease.
  atLeast(heartbeatTtl, 2, heartbeatInterval),
  // The server must not forget a lease that its holder still counts on; nor the leader's, which is in the same bucket.
  atLeast(workerIdTtl, 3, heartbeatInterval),
  atLeast(workerIdTtl, 1, heartbeatTtl),
  atLeast(workerIdTtl, 1, electionTimeout),
  atLeast(workerIdMax, 1, workerIdMin),
  atLeast(preferredId, 1, workerIdMin),
  atMost(preferredId, workerIdMax),
  atLeast(coldStartWindow, 1, plannedScaleWindow),
  atMost(emergencyGrace, heartbeatTtl),
  // Stopping drains first and then gives up the lease.
  atMost(drainTimeout, shutdownTimeout),
  atLeast(warn, 1, info),
  atLeast(error, 1, warn),
  atLeast(critical, 1, error),
  atLeast(retryMax, 1, retryBase),
  // With fewer messages at hand than handlers, some handlers could never have work.
  atLeast(prefetch, 1, concurrency),
  // A lane that is only slow must not vanish with its unacknowledged messages.
  atLeast(inactive, 1, ackWait),
];

/**
 * Checks the keys against each other.
 *
 * @param config a configuration whose keys are each right by themselves
 * @param input what the user wrote, to tell it from defaults
 * @returns what is wrong; empty if nothing is
 */
export function checkRules(config: GroupConfig, input: unknown): ConfigProblem[] {
  const problems = RULES.flatMap((rule) => checkRule(rule, config, input));
  const { consumer } = config;
  problems.push(...checkShards(config, input));
  if (consumer !== undefined && mayMeet(consumer.subjectTemplate, consumer.deadLetterSubject)) {
    problems.push(
      problemAt(["consumer", "deadLetterSubject"], consumer.deadLetterSubject, input, {
        allowed: `a subject that no partition has: ${consumer.subjectTemplate} would take it back`,
        related: [["consumer", "subjectTemplate"], ["consumer", "stream"]],
      }),
    );
  }
  return problems;
}

/** A shard has one lane for all its keys: a key that stops would stop them all, without anybody having asked for that. */
function checkShards({ consumer }: GroupConfig, input: unknown): ConfigProblem[] {
  if (consumer === undefined) return [];
  const { shards, from, subjectTemplate, onPoison } = consumer;
  const related = [["consumer", "shards"]];
  const problems: ConfigProblem[] = [];
  if (isShardTemplate(subjectTemplate) !== (shards !== undefined)) {
    const allowed = shards === undefined
      ? "a subject without {{.Shard}}, unless consumer.shards says how many there are"
      : "a subject with {{.Shard}} as a token and {{.PartitionID}} at its end, since the feed is sharded";
    const path = ["consumer", "subjectTemplate"];
    problems.push(problemAt(path, subjectTemplate, input, { allowed, related }));
  }
  if (from !== undefined && shards === undefined) {
    const allowed = "nothing, unless consumer.shards says into how many shards it is copied";
    problems.push(
      problemAt(["consumer", "from", "stream"], from.stream, input, { allowed, related }),
    );
  }
  if (shards !== undefined && onPoison === "stop") {
    const allowed = "dead-letter: in a sharded feed a key that stops would stop its whole shard";
    problems.push(problemAt(["consumer", "onPoison"], onPoison, input, { allowed, related }));
  }
  return problems;
}

function checkRule(rule: Rule, config: GroupConfig, input: unknown): ConfigProblem[] {
  const big = rule.big.of(config);
  const small = rule.small.of(config);
  if (big === undefined || small === undefined || big >= small * rule.factor) return [];
  const blamed = rule.blame === "big" ? rule.big : rule.small;
  const other = rule.blame === "big" ? rule.small : rule.big;
  const limit = rule.blame === "big" ? small * rule.factor : big;
  const word = rule.blame === "big" ? "at least" : "at most";
  const sum = rule.factor === 1
    ? `${other.key}, which is ${format(other.unit, limit)}`
    : `${rule.factor} × ${other.key}, which is ${format(other.unit, limit)}`;
  return [
    problemAt(
      blamed.key.split("."),
      format(blamed.unit, rule.blame === "big" ? big : small),
      input,
      { allowed: `${word} ${sum}`, related: [other.key.split(".")] },
    ),
  ];
}

function problemAt(
  path: KeyPath,
  fallback: unknown,
  input: unknown,
  rest: Pick<ConfigProblem, "allowed" | "related">,
): ConfigProblem {
  const written = valueAt(input, path);
  return written === undefined
    ? { path, value: fallback, kind: "default", ...rest }
    : { path, value: written, kind: "refused", ...rest };
}

function format(unit: Quantity["unit"], value: number): number | string {
  return unit === "ms" ? formatDuration(value) : value;
}

/**
 * Finds what is allowed but seldom meant.
 *
 * @param config a resolved configuration
 * @returns one sentence each; empty if there is nothing to say
 */
export function configWarnings(config: GroupConfig): string[] {
  const { degradedBehavior: degraded, kvBuckets } = config;
  const warnings: string[] = [];
  if (config.startupTimeoutMs <= config.coldStartWindowMs) {
    warnings.push(
      "startupTimeout is not above coldStartWindow: while workers go on coming, each may give up its start before the group's first assignment",
    );
  }
  if (config.workerIdTtlMs < 2 * config.heartbeatTtlMs) {
    warnings.push(
      "workerIdTtl is below 2 × heartbeatTtl: after a short outage the server may have forgotten live workers' leases",
    );
  }
  if (degraded.exitThresholdMs > degraded.enterThresholdMs) {
    warnings.push(
      "degradedBehavior.exitThreshold is above enterThreshold: degraded mode is left later than it is entered",
    );
  }
  if (degraded.recoveryGracePeriodMs < config.heartbeatTtlMs) {
    warnings.push(
      "degradedBehavior.recoveryGracePeriod is below heartbeatTtl: workers that come back a little later will be moved away from",
    );
  }
  if (kvBuckets.storage === "memory") {
    warnings.push(
      'kvBuckets.storage is "memory": epochs start again when the server does, and old tokens then look new',
    );
  }
  return warnings;
}
