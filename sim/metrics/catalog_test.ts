import assert from "node:assert/strict";
import { CATALOG, type MetricSpec, metricsTable } from "./catalog.ts";

const specs = Object.values<MetricSpec>(CATALOG);

/** The seeds' metrics with their types and labels, from the plan's phase 4. */
const SEEDS = [
  "simulation_messages_sent_total{partition} counter",
  "simulation_messages_received_total{partition} counter",
  "simulation_message_gaps_total{} counter",
  "simulation_message_duplicates_total{} counter",
  "simulation_workers_active{} gauge",
  "simulation_partitions_per_worker{} histogram",
  "simulation_message_processing_duration_seconds{} histogram",
  "simulation_chaos_events_total{type} counter",
  "simulation_rebalancing_duration_seconds{} histogram",
];

Deno.test("the metrics of the seeds are there, with their types and labels", () => {
  const ours = new Set(
    specs.map(({ name, type, labels }) => `${name}{${Object.keys(labels)}} ${type}`),
  );
  assert.deepEqual(SEEDS.filter((line) => !ours.has(line)), []);
});

Deno.test("the README's table is the catalog", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", import.meta.url));
  assert.ok(readme.includes(metricsTable()), metricsTable());
});

Deno.test("names are unique and follow Prometheus; no histogram has labels of its own", () => {
  assert.equal(new Set(specs.map(({ name }) => name)).size, specs.length);
  for (const { name, type, labels, help, bounds = [] } of specs) {
    assert.match(name, /^(simulation|process)_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.ok(help.length > 10 && !/^[A-Z]|\.$/.test(help), `help of ${name}`);
    assert.equal(bounds.length > 0, type === "histogram", name);
    bounds.forEach((bound, i) => assert.ok(i === 0 || bound > bounds[i - 1]!, name));
    if (type === "histogram") assert.deepEqual(labels, {}, name);
  }
});
