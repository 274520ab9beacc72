import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { prometheusMetrics } from "../../lib/metrics/prometheus.ts";
import { exposition, type MetricFamily } from "./family.ts";
import { GONE_SHOWN_MS, LibraryMetrics } from "./library_metrics.ts";

/** A worker's library, as its process would report it. */
function worker() {
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  const families = async () => await registry.getMetricsAsJSON() as unknown as MetricFamily[];
  return { metrics, families };
}

function rig() {
  const library = new LibraryMetrics();
  const gone = new Set<string>();
  const lines = async (nowMs: number, name: string) => {
    const text = await exposition(await library.families((process) => !gone.has(process), nowMs));
    return text.split("\n").filter((line) => line.startsWith(name));
  };
  return { library, gone, lines };
}

Deno.test("gauges are each worker's own; counters and histograms are the group's", async () => {
  const { library, lines } = rig();
  for (const [index, name] of ["worker-0#1", "worker-1#1"].entries()) {
    const { metrics, families } = worker();
    metrics.subjectsCurrent(10 + index);
    metrics.handled(3);
    library.report(name, await families());
  }
  assert.deepEqual(await lines(0, "parti_worker_consumer_subjects_current"), [
    'parti_worker_consumer_subjects_current{worker="worker-0"} 10',
    'parti_worker_consumer_subjects_current{worker="worker-1"} 11',
  ]);
  assert.deepEqual(await lines(0, "parti_worker_consumer_handled_total"), [
    "parti_worker_consumer_handled_total 2",
  ]);
  assert.deepEqual(await lines(0, "parti_worker_consumer_handler_duration_seconds_count"), [
    "parti_worker_consumer_handler_duration_seconds_count 2",
  ]);
});

Deno.test("a killed worker's series disappear after a while, and no sum falls with them", async () => {
  const { library, gone, lines } = rig();
  const [first, second] = [worker(), worker()];
  first.metrics.handled(3);
  first.metrics.leadershipChange(true, 7);
  library.report("worker-0#1", await first.families());
  second.metrics.handled(3);
  library.report("worker-1#1", await second.families());
  gone.add("worker-0#1");
  assert.equal((await lines(1_000, "parti_is_leader")).length, 2);
  const later = 1_000 + GONE_SHOWN_MS;
  // Two who look at once.
  await Promise.all([lines(later, "parti"), lines(later, "parti")]);
  assert.deepEqual(await lines(later, "parti_is_leader"), ['parti_is_leader{worker="worker-1"} 0']);
  assert.deepEqual(await lines(later, "parti_worker_consumer_handled_total"), [
    "parti_worker_consumer_handled_total 2",
  ]);
});

Deno.test("a worker that is back has its own gauges, and counts on", async () => {
  const { library, gone, lines } = rig();
  for (const incarnation of [1, 2, 3]) {
    const { metrics, families } = worker();
    metrics.lanesCurrent(incarnation);
    metrics.handled(3);
    library.report(`worker-0#${incarnation}`, await families());
    gone.add(`worker-0#${incarnation - 1}`);
  }
  for (const nowMs of [0, GONE_SHOWN_MS]) {
    assert.deepEqual(await lines(nowMs, "parti_worker_consumer_lanes_current"), [
      'parti_worker_consumer_lanes_current{worker="worker-0"} 3',
    ]);
    assert.deepEqual(await lines(nowMs, "parti_worker_consumer_handled_total"), [
      "parti_worker_consumer_handled_total 3",
    ]);
  }
});
