import { configure, type LogRecord, reset } from "@logtape/logtape";
import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import type { GroupConfigInput } from "../config/config.ts";
import { PartiError } from "../errors.ts";
import { noMetrics } from "../metrics/collector.ts";
import { Manager } from "./manager.ts";
import type { World } from "../ports/world.ts";
import { ManualClock } from "../test_support/manual_clock.ts";

/** A world whose server refuses everything, so that a start ends at once. */
function refusingWorld(): World {
  return {
    clock: new ManualClock(),
    random: { float: () => 0.5, uuid: () => "uuid" },
    kv: { open: () => Promise.reject(new PartiError("PARTI_REFUSED", "not today")) },
    feed: {},
    messaging: {
      connected: true,
      onStatus: () => ({ close: () => {} }),
      onRefused: () => ({ close: () => {} }),
    },
  } as unknown as World;
}

/** What is logged as a warning about the configuration while a worker is made and started. */
async function warningsOf(config: GroupConfigInput): Promise<string[]> {
  const records: LogRecord[] = [];
  await configure({
    sinks: { memory: (record: LogRecord) => void records.push(record) },
    loggers: [
      { category: ["parti"], lowestLevel: "debug", sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  try {
    const errors: unknown[] = [];
    const manager = new Manager({
      world: refusingWorld(),
      config,
      source: staticSource([{ keys: ["a"] }]),
      hooks: { onError: (error) => void errors.push(error) },
    });
    assert.deepEqual(records, [], "nothing is said before the start");
    await assert.rejects(manager.start(), { code: "PARTI_REFUSED" });
    assert.deepEqual(errors, [], "a doubt is no error");
  } finally {
    await reset();
  }
  return records.filter(({ message }) => String(message[0]).startsWith("configuration"))
    .map(({ level, properties }) => `${level}: ${properties["warning"]}`);
}

Deno.test("what a configuration allows and seldom means is logged when the worker starts", async () => {
  const warnings = await warningsOf({ group: "g", kvBuckets: { storage: "memory" } });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^warning: kvBuckets\.storage is "memory": epochs start again/);
  assert.deepEqual(await warningsOf({ group: "g" }), []);
});

Deno.test("a metrics collector that throws is told once for each method, and harms nothing", async () => {
  const errors: unknown[] = [];
  const bad = () => {
    throw new Error("bad metric");
  };
  const metrics = Object.fromEntries(Object.keys(noMetrics).map((name) => [name, bad]));
  const manager = new Manager({
    world: refusingWorld(),
    config: { group: "g" },
    source: staticSource([{ keys: ["a"] }]),
    metrics: metrics as unknown as typeof noMetrics,
    hooks: { onError: (error) => void errors.push(error) },
  });
  await assert.rejects(manager.start(), { code: "PARTI_REFUSED" });
  assert.deepEqual(
    errors.map((error) => [(error as PartiError).code, (error as PartiError).value]),
    [["PARTI_METRICS_FAILED", "stateTransition"]],
  );
});
