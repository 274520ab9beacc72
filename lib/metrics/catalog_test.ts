import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { CATALOG, metricsTable } from "./catalog.ts";
import { prometheusMetrics } from "./prometheus.ts";

const specs = Object.values(CATALOG);

/** The names of the seeds' documents that parti keeps, from the study of the Go program, section 1.5. */
const KEPT = [
  "worker_state",
  "is_leader",
  "assigned_partitions",
  "assignment_version",
  "state_transitions_total",
  "assignment_changes_total",
  "degraded_mode",
  "cache_age_seconds",
  "alert_level",
  "degraded_duration_seconds",
  "degraded_alerts_total",
  "cache_fallback_total",
  "worker_consumer_control_retries_total",
  "worker_consumer_retry_backoff_seconds",
  "worker_consumer_subjects_current",
  "worker_consumer_subject_changes_total",
  "worker_consumer_update_results_total",
  "worker_consumer_update_latency_seconds",
  "worker_consumer_iterator_restarts_total",
  "worker_consumer_consecutive_iterator_failures",
  "worker_consumer_health_status",
  "worker_consumer_recreation_attempts_total",
  "worker_consumer_recreations_total",
  "worker_consumer_recreation_duration_seconds",
];

Deno.test("the README's table is the catalog", () => {
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  const table = readme.split("\n").filter((line) => line.startsWith("|")).join("\n");
  assert.equal(table, metricsTable());
});

Deno.test("what is registered is what the README's table lists: name, type and labels", () => {
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  const documented = [...readme.matchAll(/^\| `(parti_\w+)` *\| (\w+) *\| (.*?) *\| /gm)].map(
    ([, name, type, labels]) => [
      name,
      type,
      [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    ],
  );
  const registry = new Registry();
  prometheusMetrics({ registry });
  const registered = registry.getMetricsAsArray().map((metric) => [
    metric.name,
    String(metric.type),
    (metric as unknown as { labelNames: string[] }).labelNames,
  ]);
  assert.deepEqual(documented, registered);
});

Deno.test("the names that users know are kept", () => {
  const names = new Set(specs.map((spec) => spec.name));
  assert.deepEqual(KEPT.filter((name) => !names.has(name)), []);
});

Deno.test("names are unique and follow Prometheus: counters end in _total, histograms in _seconds", () => {
  assert.equal(new Set(specs.map((spec) => spec.name)).size, specs.length);
  for (const spec of specs) {
    assert.match(spec.name, /^[a-z][a-z0-9_]*$/);
    assert.equal(spec.name.endsWith("_total"), spec.type === "counter", spec.name);
    if (spec.type === "histogram") assert.ok(spec.name.endsWith("_seconds"), spec.name);
    assert.ok(spec.help.length > 10 && !/^[A-Z]|\.$/.test(spec.help), `help of ${spec.name}`);
  }
});

Deno.test("no metric has a label for partitions, subjects or messages", () => {
  for (const spec of specs) {
    for (const label of Object.keys(spec.labels)) {
      assert.doesNotMatch(label, /partition|subject|message|key/, spec.name);
    }
  }
});

Deno.test("histograms, and only they, have rising buckets", () => {
  for (const spec of specs) {
    assert.equal(spec.buckets !== undefined, spec.type === "histogram", spec.name);
    const buckets = spec.buckets ?? [];
    buckets.forEach((bound, i) => assert.ok(i === 0 || bound > buckets[i - 1]!, spec.name));
  }
});
