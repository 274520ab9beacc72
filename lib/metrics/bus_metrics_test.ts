import assert from "node:assert/strict";
import { Counter, Registry } from "prom-client";
import { newCounts } from "../bus/bus_counts.ts";
import type { OutcomeObserver } from "../bus/caller.ts";
import { CalmNodes } from "../dst/bus/calm_nodes.ts";
import { Kernel } from "../dst/kernel/kernel.ts";
import { busMetrics } from "./bus_metrics.ts";

const NOTHING = new Uint8Array();

/** A bus that is only looked at. */
function still(issued = 0) {
  const observers: OutcomeObserver[] = [];
  return {
    ...{ counts: { ...newCounts(), issued, forwarded: 1 }, pending: 2, working: 1 },
    onOutcome(told: OutcomeObserver) {
      observers.push(told);
      return { close: () => {} };
    },
    tell: (...told: Parameters<OutcomeObserver>) => observers.forEach((each) => each(...told)),
  };
}

async function read(registry: Registry, name: string): Promise<number | undefined> {
  const line = (await registry.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.split(" ")[1]);
}

Deno.test("bus metrics: what the bus has counted is told when somebody asks", async () => {
  const registry = new Registry();
  const bus = still(3);
  const actors = { size: 4, begun: 6 };
  busMetrics({ registry, bus, actors });
  assert.equal(await read(registry, "parti_bus_calls_total"), 3);
  bus.counts.issued = 10;
  assert.equal(await read(registry, "parti_bus_calls_total"), 10);
  assert.equal(await read(registry, "parti_bus_forwarded_total"), 1);
  const names = ["pending", "working", "actors", "activations_total"];
  assert.deepEqual(
    await Promise.all(names.map((name) => read(registry, `parti_bus_${name}`))),
    [2, 1, 4, 6],
  );
});

Deno.test("bus metrics: buses of one registry are told apart by labels, and what is somebody else's is left alone", async () => {
  const registry = new Registry();
  const [one, other] = [still(3), still(5)];
  busMetrics({ registry, bus: one, labels: { node: "one" } });
  busMetrics({ registry, bus: other, labels: { node: "other" } });
  one.tell("timeout", 30);
  for (const [node, count] of [["one", 3], ["other", 5]] as const) {
    assert.equal(await read(registry, `parti_bus_calls_total{node="${node}"}`), count);
  }
  assert.equal(await read(registry, 'parti_bus_outcomes_total{node="one",outcome="timeout"}'), 1);
  assert.equal(await read(registry, 'parti_bus_call_duration_seconds_sum{node="one"}'), 0.03);
  assert.equal(await read(registry, 'parti_bus_call_duration_seconds_sum{node="other"}'), 0);
  for (const labels of [{ outcome: "x" }, { worker: "x" }]) {
    assert.throws(() => busMetrics({ registry, bus: one, labels }), {
      code: "PARTI_INVALID_CONFIG",
    });
  }
  const taken = new Registry();
  new Counter({ name: "parti_bus_pending", help: "something else", registers: [taken] });
  assert.throws(() => busMetrics({ registry: taken, bus: one }), { code: "PARTI_INVALID_CONFIG" });
});

Deno.test("bus metrics: each request is counted once, by its outcome, to handlers and to actors", async () => {
  const registry = new Registry();
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const { bus, actors } = await new CalmNodes(kernel).start("one", {
      define: (actors) => {
        actors.define("a::b", { create: () => ({ handle: () => {} }) });
        actors.define("a::fails", {
          create: () => {
            throw new Error("made to fail");
          },
        });
      },
    });
    busMetrics({ registry, bus, actors });
    bus.handle("wait", () => new Promise<void>(() => {}));
    bus.handle("fail", () => {
      throw new Error("made to fail");
    });
    const ask = (type: string, options = {}) =>
      bus.request({ node: "one", type }, "m", NOTHING, { timeoutMs: 1_000, ...options })
        .catch(() => {});
    await Promise.all([
      ...[actors.request("a::b/1", "m", NOTHING), actors.request("a::b/2", "m", NOTHING)],
      ...[ask("fail"), ask("nobody"), ask("wait"), ask("wait", { idempotencyKey: "k" })],
      ask("fail", { signal: AbortSignal.abort() }),
      actors.request("a::fails/1", "m", NOTHING).catch(() => {}),
    ]);
    await actors.stop();
    await bus.stop();
  });
  const told = (outcome: string) =>
    read(registry, `parti_bus_outcomes_total{outcome="${outcome}"}`);
  assert.deepEqual(
    await Promise.all(["value", "call_failed", "no_handler", "timeout", "aborted"].map(told)),
    [2, 2, 1, 2, 1],
  );
  assert.equal(await read(registry, "parti_bus_call_duration_seconds_count"), 8);
  assert.equal(await read(registry, "parti_bus_failed_total"), 2);
  assert.equal(await read(registry, "parti_bus_activations_total"), 2);
});
