import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import { type ClockShape, DriftingClock, TRUE_CLOCK } from "./drifting_clock.ts";
import { Kernel } from "./kernel.ts";

const START_MS = 500_000_000;

function clockOn(kernel: Kernel, shape: ClockShape = TRUE_CLOCK): DriftingClock {
  const host = {
    nowMs: () => kernel.nowMs,
    schedule: (delayMs: number, label: string, fire: () => void) =>
      kernel.schedule(delayMs, label, fire),
    mayAct: () => true,
  };
  return new DriftingClock(host, shape, START_MS);
}

const drift = (rate: number): ClockShape => ({ rate, wallOffsetMs: 0 });

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-3, `${actual} is not ${expected}`);
}

Deno.test("a clock that goes too fast gains, and its timers fire early by the true time", async () => {
  const kernel = new Kernel({ seed: 1 });
  const clock = clockOn(kernel, drift(1.25));
  await kernel.run(async () => {
    await new Promise<void>((resolve) => clock.setTimer(1_000, resolve));
    near(kernel.nowMs, 800);
    near(clock.monotonicMs(), START_MS + 1_000);
  });
});

Deno.test("the wall clock is off by its offset, and may jump; the monotonic one does not", async () => {
  const kernel = new Kernel({ seed: 1 });
  const clock = clockOn(kernel, { rate: 1, wallOffsetMs: 500 });
  await kernel.run(async () => {
    const wallMs = clock.wallMs();
    await kernel.sleep(100);
    assert.equal(clock.wallMs() - wallMs, 100);
    const monotonicMs = clock.monotonicMs();
    clock.setShape({ rate: 1, wallOffsetMs: -60_000 });
    assert.equal(clock.wallMs() - wallMs, 100 - 60_500);
    assert.equal(clock.monotonicMs(), monotonicMs);
  });
});

Deno.test("no timer fires before its time by the clock it was set on, whatever the drift, nor much later", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const kernel = new Kernel({ seed });
    const draws = new Draws(seed, "drift");
    const clock = clockOn(kernel);
    let fired = 0;
    const setTimer = (): void => {
      const delayMs = draws.chance(0.1) ? 0 : draws.between(0, 3_000);
      const setMs = clock.monotonicMs();
      clock.setTimer(delayMs, () => {
        const passedMs = clock.monotonicMs() - setMs;
        assert.ok(passedMs >= delayMs, `${delayMs - passedMs} ms early`);
        assert.ok(passedMs < delayMs + 1e-3, `${passedMs - delayMs} ms late`);
        fired++;
      });
    };
    await kernel.run(async () => {
      for (let i = 0; i < 200; i++) {
        setTimer();
        if (draws.chance(0.2)) clock.setShape(drift(draws.between(0.5, 2)));
        await kernel.sleep(draws.between(0, 50));
      }
      await kernel.sleep(20_000);
    });
    assert.deepEqual([fired, clock.pendingTimers], [200, 0]);
  }
});

Deno.test("time never goes back, however the rate changes", async () => {
  const kernel = new Kernel({ seed: 1 });
  const draws = new Draws(1, "rates");
  const clock = clockOn(kernel);
  let lastMs = 0;
  await kernel.run(async () => {
    for (let i = 0; i < 2_000; i++) {
      assert.ok(clock.monotonicMs() >= lastMs);
      lastMs = clock.monotonicMs();
      clock.setShape(drift(draws.between(0.01, 10)));
      if (draws.chance(0.5)) await kernel.sleep(draws.between(0, 1));
    }
  });
});

Deno.test("a cancelled timer does not fire; cancelling one that has fired, or twice, is harmless", async () => {
  const kernel = new Kernel({ seed: 1 });
  const clock = clockOn(kernel);
  const fired: string[] = [];
  await kernel.run(async () => {
    const first = clock.setTimer(1, () => fired.push("first"));
    const second = clock.setTimer(5, () => fired.push("second"));
    assert.equal(clock.pendingTimers, 2);
    await kernel.sleep(2);
    first.cancel();
    second.cancel();
    second.cancel();
    assert.equal(clock.pendingTimers, 0);
    clock.setShape(drift(2));
    await kernel.sleep(20);
  });
  assert.deepEqual(fired, ["first"]);
});

Deno.test("a stopped clock has no timers left", async () => {
  const kernel = new Kernel({ seed: 1 });
  const clock = clockOn(kernel);
  clock.setTimer(1, () => assert.fail("it was stopped"));
  clock.stop();
  assert.deepEqual([clock.pendingTimers, kernel.pendingCount], [0, 0]);
  await kernel.run(() => kernel.sleep(5));
});
