import { configure, type LogRecord, reset } from "@logtape/logtape";
import assert from "node:assert/strict";
import { staticSource } from "../assignment/sources/static_source.ts";
import type { GroupConfigInput } from "../config/config.ts";
import { isPartiError, OUTAGE_CODES, PartiError } from "../errors.ts";
import { noMetrics } from "../metrics/collector.ts";
import { Manager } from "./manager.ts";
import type { ConnectionStatus } from "../ports/messaging.ts";
import type { World } from "../ports/world.ts";
import { ManualClock, settle } from "../test_support/manual_clock.ts";

const refused = new PartiError("PARTI_REFUSED", "not today");

/** A world whose server opens no bucket: each try to open both fails with what `answer` gives for its number. */
function barrenWorld(answer: (attempt: number) => Error) {
  const clock = new ManualClock();
  const messaging = {
    connected: true,
    tell: (_status: ConnectionStatus) => {},
    onStatus: (tell: (status: ConnectionStatus) => void) => {
      messaging.tell = tell;
      return { close: () => {} };
    },
    onRefused: () => ({ close: () => {} }),
  };
  let opened = 0;
  const world = {
    clock,
    random: { float: () => 0.5, uuid: () => "uuid" },
    kv: { open: () => Promise.reject(answer(Math.floor(opened++ / 2))) },
    feed: {},
    messaging,
  } as unknown as World;
  return { world, clock, messaging, attempts: () => opened / 2 };
}

function managerOf(world: World, errors: unknown[] = []): Manager {
  return new Manager({
    world,
    config: { group: "g", startupTimeout: "10s" },
    source: staticSource([{ keys: ["a"] }]),
    hooks: { onError: (error) => void errors.push(error) },
  });
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
      world: barrenWorld(() => refused).world,
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

Deno.test("start: while the server is out of reach it is tried again with growing pauses, and its answer counts", async () => {
  const outages = OUTAGE_CODES.map((code) => new PartiError(code, "planted"));
  const { world, clock, attempts } = barrenWorld((attempt) => outages[attempt] ?? refused);
  const errors: unknown[] = [];
  const start = assert.rejects(managerOf(world, errors).start(), refused);
  // With jitter at one half the pauses are three quarters of 100, 200, 400 and 800.
  for (const pauseMs of [75, 150, 300, 600]) {
    const before = attempts();
    await clock.advance(pauseMs - 1);
    assert.equal(attempts(), Math.max(before, 1));
    await clock.advance(1);
  }
  await start;
  assert.deepEqual([attempts(), errors, clock.pendingTimers], [5, outages, 0]);
});

Deno.test("start: given up before it has begun, it asks the server for nothing", async () => {
  const { world, attempts } = barrenWorld(() => refused);
  const start = managerOf(world).start({ signal: AbortSignal.abort() });
  await assert.rejects(start, { code: "PARTI_ABORTED" });
  assert.equal(attempts(), 0);
});

Deno.test("start: a reconnect ends the pause", async () => {
  const away = new PartiError("PARTI_DISCONNECTED", "away");
  const { world, messaging, attempts } = barrenWorld((attempt) => attempt === 0 ? away : refused);
  messaging.connected = false;
  const start = assert.rejects(managerOf(world).start(), refused);
  await settle();
  assert.equal(attempts(), 1);
  messaging.connected = true;
  messaging.tell("reconnected");
  await start;
});

Deno.test("start: out of reach for all its time it says what kept it; closed for good it does not wait", async () => {
  const away = new PartiError("PARTI_DISCONNECTED", "not connected", { hint: "try again" });
  const { world, clock, messaging } = barrenWorld(() => away);
  messaging.connected = false;
  const start = assert.rejects(managerOf(world).start(), (error) => {
    assert.ok(isPartiError(error, "PARTI_STARTUP_TIMEOUT"));
    assert.match(error.message, /ClaimingID; the last error was PARTI_DISCONNECTED: not connected/);
    assert.deepEqual([error.cause, error.hint], [away, "try again"]);
    return true;
  });
  await clock.advance(10_000);
  await start;
  assert.equal(clock.pendingTimers, 0);
  const closing = assert.rejects(managerOf(world).start(), (error) => {
    assert.ok(isPartiError(error, "PARTI_DISCONNECTED"));
    assert.deepEqual([error.message, error.cause], ["the connection was closed for good", away]);
    return true;
  });
  await settle();
  messaging.tell("closed");
  await closing;
});

Deno.test("a metrics collector that throws is told once for each method, and harms nothing", async () => {
  const errors: unknown[] = [];
  const bad = () => {
    throw new Error("bad metric");
  };
  const metrics = Object.fromEntries(Object.keys(noMetrics).map((name) => [name, bad]));
  const manager = new Manager({
    world: barrenWorld(() => refused).world,
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

Deno.test("a manager's consumer cannot be ended, nor told what to hold, by the application", async () => {
  const manager = managerOf(barrenWorld(() => refused).world);
  manager.consumer?.pause();
  // @ts-expect-error The worker would keep partitions that nobody handles.
  manager.consumer?.close();
  // @ts-expect-error The assignment says what it holds.
  manager.consumer?.update({ epoch: 1, generation: 1, partitions: [] });
  await manager.stop();
});
