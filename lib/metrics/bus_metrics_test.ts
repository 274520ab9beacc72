import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { newCounts } from "../bus/bus_counts.ts";
import { busMetrics } from "./bus_metrics.ts";

Deno.test("bus metrics: what the bus has counted is told when somebody asks", async () => {
  const registry = new Registry();
  const bus = { counts: { ...newCounts(), issued: 3, forwarded: 1 }, pending: 2, working: 1 };
  busMetrics({ registry, bus, actors: { activations: [1, 2, 3, 4] } });
  const read = async (name: string): Promise<number> => {
    const line = (await registry.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
    return Number(line?.split(" ")[1]);
  };
  assert.equal(await read("parti_bus_calls_total"), 3);
  bus.counts.issued = 10;
  assert.equal(await read("parti_bus_calls_total"), 10);
  assert.equal(await read("parti_bus_forwarded_total"), 1);
  assert.deepEqual(
    await Promise.all(["pending", "working", "actors"].map((name) => read(`parti_bus_${name}`))),
    [2, 1, 4],
  );
});
