import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { noMetrics } from "./collector.ts";
import { prometheusMetrics } from "./prometheus.ts";

Deno.test("the collector that measures nothing takes everything another one does", () => {
  const other = Object.keys(prometheusMetrics({ registry: new Registry() }));
  assert.deepEqual(Object.keys(noMetrics).sort(), other.sort());
  for (const method of Object.values(noMetrics)) assert.equal(method(), undefined);
  assert.ok(Object.isFrozen(noMetrics));
});
