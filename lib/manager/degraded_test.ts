import assert from "node:assert/strict";
import { DegradedMonitor, levelOf } from "./degraded.ts";
import { ManualClock } from "../test_support/manual_clock.ts";

const alerts = {
  infoThresholdMs: 100,
  warnThresholdMs: 300,
  errorThresholdMs: 600,
  criticalThresholdMs: 1_000,
  alertIntervalMs: 150,
};
const behavior = {
  enterThresholdMs: 1_000,
  exitThresholdMs: 500,
  kvErrorThreshold: 3,
  kvErrorWindowMs: 2_000,
  recoveryGracePeriodMs: 0,
};

function monitor(
  overrides: { alerts?: Partial<typeof alerts>; behavior?: Partial<typeof behavior> } = {},
) {
  const clock = new ManualClock();
  const log: string[] = [];
  const degraded = new DegradedMonitor({
    clock,
    behavior: { ...behavior, ...overrides.behavior },
    alerts: { ...alerts, ...overrides.alerts },
    onChange: (on, durationMs) => log.push(on ? "on" : `off after ${durationMs}`),
    onAlert: (level, durationMs) => log.push(`${level} ${durationMs}`),
  });
  return { clock, log, degraded };
}

Deno.test("a connection that is away long enough begins it; that is back long enough ends it", async () => {
  const { clock, log, degraded } = monitor({ alerts: { infoThresholdMs: 100_000 } });
  degraded.disconnected();
  await clock.advance(999);
  assert.equal(degraded.degraded, false);
  await clock.advance(1);
  assert.equal(degraded.degraded, true);
  degraded.reconnected();
  await clock.advance(499);
  assert.equal(degraded.degraded, true);
  await clock.advance(1);
  assert.deepEqual(log.filter((line) => line.startsWith("o")), ["on", "off after 500"]);
  degraded.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a short absence is none, and a flapping connection neither begins nor ends it", async () => {
  const { clock, log, degraded } = monitor();
  degraded.disconnected();
  await clock.advance(900);
  degraded.reconnected();
  await clock.advance(5_000);
  assert.deepEqual(log, []);
  degraded.disconnected();
  await clock.advance(1_000);
  for (let n = 0; n < 5; n++) {
    degraded.reconnected();
    await clock.advance(400);
    degraded.disconnected();
    await clock.advance(50);
  }
  assert.equal(degraded.degraded, true);
  degraded.close();
});

Deno.test("after an outage that began it, others are given time to come back; after any other none", async () => {
  const { clock, degraded } = monitor({ behavior: { recoveryGracePeriodMs: 4_000 } });
  degraded.disconnected();
  await clock.advance(999);
  degraded.reconnected();
  assert.equal(degraded.recoveringUntilMs, undefined, "too short to count");
  for (let n = 0; n < 3; n++) degraded.kvError();
  assert.equal(degraded.degraded, true);
  await clock.advance(500);
  assert.equal(degraded.recoveringUntilMs, undefined, "no connection went by it");
  degraded.disconnected();
  await clock.advance(1_000);
  degraded.reconnected();
  const fromMs = clock.monotonicMs();
  await clock.advance(2_000);
  assert.equal(degraded.recoveringUntilMs, fromMs + 4_000);
  degraded.close();
});

Deno.test("said twice, a disconnection counts from the first time", async () => {
  const { clock, degraded } = monitor();
  degraded.disconnected();
  await clock.advance(900);
  degraded.disconnected();
  await clock.advance(100);
  assert.equal(degraded.degraded, true);
  degraded.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("enough failed operations within the window begin it; each further one puts off its end", async () => {
  const { clock, degraded } = monitor();
  degraded.kvError();
  degraded.kvError();
  await clock.advance(2_001);
  degraded.kvError();
  assert.equal(degraded.degraded, false);
  degraded.kvError();
  degraded.kvError();
  assert.equal(degraded.degraded, true);
  await clock.advance(400);
  degraded.kvError();
  await clock.advance(400);
  assert.equal(degraded.degraded, true);
  await clock.advance(100);
  assert.equal(degraded.degraded, false);
  degraded.close();
});

Deno.test("while there is no connection, failed operations are no news", async () => {
  const { clock, degraded } = monitor();
  degraded.disconnected();
  for (let n = 0; n < 10; n++) degraded.kvError();
  assert.equal(degraded.degraded, false);
  degraded.reconnected();
  degraded.kvError();
  degraded.kvError();
  assert.equal(degraded.degraded, false);
  await clock.advance(1);
  degraded.close();
});

Deno.test("W-27: alerts at each level, repeated at each interval, and it can begin again", async () => {
  const { clock, log, degraded } = monitor();
  for (let round = 0; round < 2; round++) {
    log.length = 0;
    degraded.disconnected();
    await clock.advance(1_000);
    await clock.advance(1_200);
    assert.deepEqual(log, [
      "on",
      "info 100",
      "info 250",
      "warn 300",
      "warn 450",
      "error 600",
      "error 750",
      "error 900",
      "critical 1000",
      "critical 1150",
    ]);
    degraded.reconnected();
    await clock.advance(500);
    assert.equal(degraded.degraded, false);
    const { length } = log;
    await clock.advance(10_000);
    assert.equal(log.length, length, "no alert afterwards");
  }
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a first level of zero is raised at once", async () => {
  const { clock, log, degraded } = monitor({ alerts: { infoThresholdMs: 0 } });
  degraded.disconnected();
  await clock.advance(1_000);
  assert.deepEqual(log, ["on", "info 0"]);
  degraded.close();
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("closed, it sets no timer and tells nothing", async () => {
  const { clock, log, degraded } = monitor();
  degraded.close();
  degraded.disconnected();
  for (let n = 0; n < 5; n++) degraded.kvError();
  degraded.reconnected();
  await clock.advance(10_000);
  assert.deepEqual([log, clock.pendingTimers], [[], 0]);
});

Deno.test("levels begin at their thresholds", () => {
  const levels = [99, 100, 299, 300, 600, 1_000].map((ms) => levelOf(ms, alerts));
  assert.deepEqual(levels, [undefined, "info", "info", "warn", "error", "critical"]);
});
