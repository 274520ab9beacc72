import assert from "node:assert/strict";
import type { PartiError } from "../errors.ts";
import { type MetricsCollector, noMetrics } from "./collector.ts";
import { guardedMetrics } from "./guarded_metrics.ts";

Deno.test("a collector's calls go through, with its own `this`", () => {
  class Collector {
    beats: boolean[] = [];
    heartbeat(ok: boolean): void {
      this.beats.push(ok);
    }
  }
  const collector = new Collector();
  // Its other methods are not there, which must not matter either.
  const metrics = guardedMetrics(collector as unknown as MetricsCollector, () => {});
  metrics.heartbeat(true);
  metrics.heartbeat(false);
  metrics.laneEvicted();
  assert.deepEqual(collector.beats, [true, false]);
});

Deno.test("what a collector throws is told once for each method and goes no further", () => {
  const bad = () => {
    throw new Error("bad metric");
  };
  const told: PartiError[] = [];
  const collector = { ...noMetrics, heartbeat: bad, failed: bad };
  const metrics = guardedMetrics(collector, (error) => told.push(error));
  for (let i = 0; i < 3; i++) {
    metrics.heartbeat(true);
    metrics.failed();
    metrics.handled(1);
  }
  assert.deepEqual(
    told.map(({ code, value, message }) => [code, value, message]),
    ["heartbeat", "failed"].map((name) => [
      "PARTI_METRICS_FAILED",
      name,
      `metrics.${name}: bad metric`,
    ]),
  );
});
