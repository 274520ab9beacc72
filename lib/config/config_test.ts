import assert from "node:assert/strict";
import {
  configWarnings,
  type GroupConfigInput,
  resolveConfig,
  resolveConfigFrom,
} from "./config.ts";
import { DEGRADED_BEHAVIOR_PRESETS } from "./config_defaults.ts";
import { isPartiError } from "../errors.ts";

Deno.test("the same input gives the same configuration, and another one another, whatever became of it since", () => {
  const input = { group: "g", labels: { zone: "a" } };
  const config = resolveConfig(input);
  assert.equal(resolveConfig({ labels: { zone: "a" }, group: "g" }), config);
  input.labels.zone = "b";
  assert.deepEqual(resolveConfig(input).labels, { zone: "b" });
  assert.deepEqual(config.labels, { zone: "a" });
  assert.throws(() => resolveConfig({ ...input, capacity: 0 }), { code: "PARTI_INVALID_CONFIG" });
  assert.equal(resolveConfig({ ...input, capacity: 2 }).capacity, 2);
});

Deno.test("only the group is required; all else has the Go program's defaults, with units, but a start has more time than a cold start takes", () => {
  const { consumer, ...config } = resolveConfig({ group: "g", consumer: { stream: "orders" } });
  assert.deepEqual(config, {
    group: "g",
    workerIdPrefix: "worker",
    workerIdMin: 0,
    workerIdMax: 99,
    workerIdTtlMs: 30_000,
    preferredId: undefined,
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
    degradedBehavior: DEGRADED_BEHAVIOR_PRESETS.balanced,
  });
  assert.deepEqual(consumer, {
    stream: "orders",
    subjectTemplate: "orders.{{.PartitionID}}",
    shards: undefined,
    from: undefined,
    ackWaitMs: 30_000,
    maxDeliver: 5,
    prefetch: 256,
    concurrency: 64,
    retryBaseMs: 200,
    retryMultiplier: 1.6,
    retryMaxMs: 5_000,
    onPoison: "dead-letter",
    deadLetterSubject: "parti.g.dead.{{.PartitionID}}",
    maxLanes: 4,
    inactiveThresholdMs: 300_000,
    manualAck: false,
  });
  assert.equal(resolveConfig({ group: "g" }).consumer, undefined);
  const copied = { stream: "orders", shards: 4, from: { stream: "events" } };
  assert.deepEqual(resolveConfig({ group: "g", consumer: copied }).consumer?.from, {
    ...{ stream: "events", subjectTemplate: "events.{{.PartitionID}}", begin: undefined },
  });
});

Deno.test("an explicit zero is a zero, not the default", () => {
  const config = resolveConfig({
    group: "g",
    workerIdMin: 0,
    workerIdMax: 0,
    preferredId: 0,
    coldStartWindow: 0,
    plannedScaleWindow: "0s",
    settle: 0,
    emergencyGracePeriod: 0,
    restartDetectionRatio: 0,
    drainTimeout: 0,
    assignment: { minRebalanceThreshold: 0, minRebalanceInterval: 0 },
    probe: { grace: 0 },
    degradedAlert: { infoThreshold: 0, warnThreshold: 0, errorThreshold: 0, criticalThreshold: 0 },
    degradedBehavior: { enterThreshold: 0, exitThreshold: 0, recoveryGracePeriod: 0 },
    consumer: { stream: "s", retryBase: 0, retryMax: 0 },
  });
  const zeros = [
    config.workerIdMax,
    config.preferredId,
    config.coldStartWindowMs,
    config.plannedScaleWindowMs,
    config.settleMs,
    config.emergencyGracePeriodMs,
    config.restartDetectionRatio,
    config.drainTimeoutMs,
    config.assignment.minRebalanceThreshold,
    config.assignment.minRebalanceIntervalMs,
    config.probe.graceMs,
    config.degradedAlert.criticalThresholdMs,
    config.degradedBehavior.enterThresholdMs,
    config.degradedBehavior.exitThresholdMs,
    config.degradedBehavior.recoveryGracePeriodMs,
    config.consumer?.retryBaseMs,
    config.consumer?.retryMaxMs,
  ];
  assert.deepEqual(zeros, zeros.map(() => 0));
});

Deno.test("what is written wins over the preset, the preset over the defaults", () => {
  const fast = resolveConfig({ group: "g", preset: "fast", heartbeatTtl: "2s" });
  assert.equal(fast.heartbeatIntervalMs, 500);
  assert.equal(fast.heartbeatTtlMs, 2_000);
  assert.equal(fast.workerIdTtlMs, 5_000);
  assert.equal(fast.coldStartWindowMs, 1_000);
  assert.equal(fast.plannedScaleWindowMs, 500);
  assert.equal(fast.assignment.minRebalanceIntervalMs, 100);
  assert.deepEqual(fast.degradedBehavior, DEGRADED_BEHAVIOR_PRESETS.aggressive);

  const careful = resolveConfig({
    group: "g",
    preset: "fast",
    degradedBehavior: { preset: "conservative", kvErrorThreshold: 7 },
  });
  assert.deepEqual(careful.degradedBehavior, {
    enterThresholdMs: 30_000,
    exitThresholdMs: 10_000,
    kvErrorThreshold: 7,
    kvErrorWindowMs: 30_000,
    recoveryGracePeriodMs: 20_000,
  });
});

Deno.test("a key that is undefined is a key that is not there", () => {
  const input = { group: "g", heartbeatTtl: undefined, probe: undefined, labels: undefined };
  assert.deepEqual(
    resolveConfig(input as unknown as GroupConfigInput),
    resolveConfig({ group: "g" }),
  );
});

Deno.test("the result is frozen to its depth, and the caller's object is left alone", () => {
  const input = { group: "g", labels: { zone: "a" }, probe: { grace: 1 } };
  const config = resolveConfig(input);
  for (const part of [config, config.labels, config.probe, config.assignment]) {
    assert.ok(Object.isFrozen(part));
  }
  input.labels.zone = "b";
  assert.deepEqual(input, { group: "g", labels: { zone: "b" }, probe: { grace: 1 } });
  assert.equal(config.labels["zone"], "a");
});

Deno.test("all problems are in one error, with code, values and hint", () => {
  assert.throws(
    () => resolveConfigFrom({ groop: "g", workerIdMax: -1, heartbeatTtl: "fast" }),
    (error) => {
      assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"));
      assert.match(error.message, /^invalid configuration, 4 problems:\n/);
      assert.match(error.message, /\n {2}group: is missing; allowed: 1 to 64 characters/);
      assert.match(
        error.message,
        /\n {2}groop: unknown key \(its value is "g"\), did you mean group\?/,
      );
      assert.match(error.message, /\n {2}workerIdMax: -1 is not allowed; allowed: a whole number/);
      assert.match(error.message, /\n {2}heartbeatTtl: "fast" is not allowed; allowed: a duration/);
      assert.equal((error.value as unknown[]).length, 4);
      assert.ok(error.hint);
      return true;
    },
  );
  for (const input of [undefined, null, 1, "g", [], () => {}]) {
    assert.throws(() => resolveConfigFrom(input), (e) => isPartiError(e, "PARTI_INVALID_CONFIG"));
  }
});

Deno.test("a hostile key does not reach the prototype of anything", () => {
  assert.throws(
    () => resolveConfigFrom(JSON.parse('{"group":"g","__proto__":{"capacity":5}, "x": 1}')),
    (e) => isPartiError(e, "PARTI_INVALID_CONFIG"),
  );
  const config = resolveConfigFrom(JSON.parse('{"group":"g","labels":{"__proto__":"x"}}'));
  assert.equal(Object.getPrototypeOf(config.labels), Object.prototype);
  assert.equal(({} as Record<string, unknown>)["capacity"], undefined);
});

Deno.test("the defaults give no warnings; what is seldom meant gives one each", () => {
  assert.deepEqual(configWarnings(resolveConfig({ group: "g" })), []);
  assert.deepEqual(configWarnings(resolveConfig({ group: "g", preset: "fast" })), []);
  const warnings = configWarnings(resolveConfig({
    group: "g",
    workerIdTtl: "11s",
    startupTimeout: "30s",
    kvBuckets: { storage: "memory" },
    degradedBehavior: { enterThreshold: "1s", exitThreshold: "2s", recoveryGracePeriod: "5s" },
  }));
  assert.deepEqual(
    warnings.map((warning) => warning.split(" ")[0]),
    [
      "startupTimeout",
      "workerIdTtl",
      "degradedBehavior.exitThreshold",
      "degradedBehavior.recoveryGracePeriod",
      "kvBuckets.storage",
    ],
  );
});
