import assert from "node:assert/strict";
import { Counter, Registry } from "prom-client";
import { isPartiError } from "../errors.ts";
import type { MetricsCollector } from "./collector.ts";
import { prometheusMetrics } from "./prometheus.ts";

type Call<K extends keyof MetricsCollector> = Parameters<MetricsCollector[K]>;

/** Every method with one call, and the lines that the call must leave in the scrape. */
const CALLS: { [K in keyof MetricsCollector]: [args: Call<K>, lines: string[]] } = {
  stateTransition: [["Election", "Stable", 1_500], [
    'parti_state_transitions_total{from="Election",to="Stable"} 1',
    'parti_state_duration_seconds_sum{state="Election"} 1.5',
    'parti_worker_state{state="Election"} 0',
    'parti_worker_state{state="Stable"} 1',
  ]],
  leadershipChange: [[true, 42], [
    "parti_is_leader 1",
    "parti_leader_epoch 42",
    'parti_leadership_changes_total{kind="won"} 1',
  ]],
  degradedMode: [[true], ["parti_degraded_mode 1"]],
  degradedDuration: [[2_000], ["parti_degraded_duration_seconds_sum 2"]],
  cacheAge: [[2_500], ["parti_cache_age_seconds 2.5"]],
  cacheFallback: [["source"], ['parti_cache_fallback_total{reason="source"} 1']],
  alertLevel: [["warn"], ["parti_alert_level 2"]],
  alertEmitted: [["error"], ['parti_degraded_alerts_total{level="error"} 1']],
  rebalanceDuration: [["emergency", 20], [
    'parti_rebalance_duration_seconds_bucket{le="0.025",reason="emergency"} 1',
    'parti_rebalance_duration_seconds_bucket{le="0.01",reason="emergency"} 0',
  ]],
  rebalanceAttempt: [["cold_start", false], [
    'parti_rebalance_attempts_total{reason="cold_start",result="failure"} 1',
  ]],
  partitionCount: [[100], ["parti_partitions 100"]],
  workerChange: [[2, 1], [
    'parti_worker_changes_total{kind="add"} 2',
    'parti_worker_changes_total{kind="remove"} 1',
  ]],
  activeWorkers: [[10], ["parti_active_workers 10"]],
  probeMiss: [["timeout"], ['parti_probe_misses_total{kind="timeout"} 1']],
  copy: [[true, 12], ["parti_copying 1", "parti_copy_lag 12"]],
  heartbeat: [[true], ['parti_heartbeats_total{result="success"} 1']],
  assignmentChange: [[3, 4, 17, 9], [
    'parti_assignment_changes_total{kind="add"} 3',
    'parti_assignment_changes_total{kind="remove"} 4',
    "parti_assignment_version 17",
    "parti_assigned_partitions 9",
  ]],
  handoffDuration: [[40], ["parti_handoff_duration_seconds_sum 0.04"]],
  kvOperation: [["update", true, 3], [
    'parti_kv_operation_duration_seconds_count{op="update",result="success"} 1',
  ]],
  controlRetry: [["create", 100], [
    'parti_worker_consumer_control_retries_total{op="create"} 1',
    'parti_worker_consumer_retry_backoff_seconds_sum{op="create"} 0.1',
  ]],
  subjectsCurrent: [[12], ["parti_worker_consumer_subjects_current 12"]],
  subjectChange: [[5, 6], [
    'parti_worker_consumer_subject_changes_total{kind="add"} 5',
    'parti_worker_consumer_subject_changes_total{kind="remove"} 6',
  ]],
  updateResult: [["noop", 10], [
    'parti_worker_consumer_update_results_total{result="noop"} 1',
    "parti_worker_consumer_update_latency_seconds_sum 0.01",
  ]],
  lanesCurrent: [[3], ["parti_worker_consumer_lanes_current 3"]],
  laneEvicted: [[], ["parti_worker_consumer_evictions_total 1"]],
  pullRestart: [["stalled"], [
    'parti_worker_consumer_iterator_restarts_total{reason="stalled"} 1',
  ]],
  pullFailures: [[2], ["parti_worker_consumer_consecutive_iterator_failures 2"]],
  health: [[true], ["parti_worker_consumer_health_status 1"]],
  recreation: [["deleted", true, 500], [
    'parti_worker_consumer_recreation_attempts_total{reason="deleted"} 1',
    'parti_worker_consumer_recreations_total{result="success",reason="deleted"} 1',
    "parti_worker_consumer_recreation_duration_seconds_sum 0.5",
  ]],
  handled: [[7], [
    "parti_worker_consumer_handled_total 1",
    "parti_worker_consumer_handler_duration_seconds_sum 0.007",
  ]],
  redelivered: [[], ["parti_worker_consumer_redelivered_total 1"]],
  failed: [[], ["parti_worker_consumer_failed_total 1"]],
  abandoned: [[], ["parti_worker_consumer_abandoned_total 1"]],
  deadLettered: [[], ["parti_worker_consumer_dead_lettered_total 1"]],
  partitionStopped: [[], ["parti_worker_consumer_stopped_partitions_total 1"]],
};

function call<K extends keyof MetricsCollector>(metrics: MetricsCollector, method: K): void {
  const record = metrics[method] as (...args: Call<K>) => void;
  record(...CALLS[method][0]);
}

const METHODS = Object.keys(CALLS) as (keyof MetricsCollector)[];

for (const method of METHODS) {
  Deno.test(`${method} shows up in the scrape, and was not there before`, async () => {
    const registry = new Registry();
    const metrics = prometheusMetrics({ registry });
    const before = (await registry.metrics()).split("\n");
    call(metrics, method);
    const after = (await registry.metrics()).split("\n");
    const changed = CALLS[method][1].filter((line) => !before.includes(line));
    assert.ok(changed.length > 0, "the call changed something");
    for (const line of CALLS[method][1]) {
      assert.ok(after.includes(line), `${line} in\n${after.filter((l) => !before.includes(l))}`);
    }
  });
}

Deno.test("every registered metric is reached by some method", async () => {
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  for (const method of METHODS) call(metrics, method);
  const untouched = (await registry.getMetricsAsJSON())
    .filter((metric) => metric.values.every((value) => value.value === 0))
    .map((metric) => metric.name);
  assert.deepEqual(untouched, []);
});

Deno.test("state and leadership follow the worker", async () => {
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  metrics.stateTransition("Init", "Stable", 1);
  metrics.stateTransition("Stable", "Degraded", 1);
  metrics.leadershipChange(true, 7);
  metrics.leadershipChange(false, 7);
  const text = await registry.metrics();
  assert.match(text, /^parti_worker_state\{state="Stable"\} 0$/m);
  assert.match(text, /^parti_worker_state\{state="Degraded"\} 1$/m);
  assert.match(text, /^parti_is_leader 0$/m);
  assert.match(text, /^parti_leadership_changes_total\{kind="lost"\} 1$/m);
});

Deno.test("two workers share a registry under labels of their own, with another prefix", async () => {
  const registry = new Registry();
  const options = { registry, prefix: "app_" };
  const one = prometheusMetrics({ ...options, labels: { worker: "worker-1" } });
  const two = prometheusMetrics({ ...options, labels: { worker: "worker-2" } });
  one.assignmentChange(1, 0, 3, 5);
  two.assignmentChange(0, 1, 3, 6);
  two.handled(1);
  const text = await registry.metrics();
  assert.match(text, /^app_assigned_partitions\{worker="worker-1"\} 5$/m);
  assert.match(text, /^app_assigned_partitions\{worker="worker-2"\} 6$/m);
  assert.match(text, /^app_worker_consumer_handled_total\{worker="worker-1"\} 0$/m);
  assert.match(
    text,
    /^app_worker_consumer_handler_duration_seconds_count\{worker="worker-2"\} 1$/m,
  );
  assert.match(
    text,
    /^app_worker_consumer_handler_duration_seconds_count\{worker="worker-1"\} 0$/m,
  );
  assert.doesNotMatch(text, /^parti_/m);
});

Deno.test("a wrong number is left out and throws nothing", async () => {
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  for (const wrong of [NaN, Infinity, -1]) {
    metrics.handled(wrong);
    metrics.workerChange(wrong, wrong);
    metrics.activeWorkers(wrong);
  }
  const text = await registry.metrics();
  assert.match(text, /^parti_worker_consumer_handler_duration_seconds_count 0$/m);
  assert.match(text, /^parti_active_workers 0$/m);
});

Deno.test("a prefix, a label or a registry that does not fit is refused", () => {
  const refused = (options: Partial<Parameters<typeof prometheusMetrics>[0]>) =>
    assert.throws(
      () => prometheusMetrics({ registry: new Registry(), ...options }),
      (e) => isPartiError(e, "PARTI_INVALID_CONFIG") && e.hint !== undefined,
    );
  refused({ prefix: "1" });
  refused({ prefix: "" });
  refused({ labels: { reason: "x" } });
  refused({ labels: { le: "x" } });
  refused({ labels: { "a-b": "x" } });

  const taken = new Registry();
  prometheusMetrics({ registry: taken });
  refused({ registry: taken, labels: { worker: "worker-1" } });

  const other = new Registry();
  new Counter({ name: "parti_is_leader", help: "not a gauge", registers: [other] });
  refused({ registry: other });
});
