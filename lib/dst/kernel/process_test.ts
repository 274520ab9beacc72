import assert from "node:assert/strict";
import { Kernel } from "./kernel.ts";
import { SimProcess } from "./process.ts";

/** Runs something with one process. */
async function withProcess(
  drive: (process: SimProcess, kernel: Kernel, log: string[]) => Promise<void>,
): Promise<string[]> {
  const kernel = new Kernel({ seed: 1 });
  const log: string[] = [];
  await kernel.run(() => drive(new SimProcess(kernel, "w#1"), kernel, log));
  return log;
}

const at = (kernel: Kernel, what: string): string => `${what} at ${Math.floor(kernel.nowMs)}`;

Deno.test("timers of a dead process do not fire, and cost nothing any more", async () => {
  await withProcess(async (process, kernel) => {
    process.clock.setTimer(5, () => assert.fail("it is dead"));
    process.schedule(5, "message", () => assert.fail("it is dead"));
    process.kill();
    const { dead, exited, pendingTimers, timersLeft } = process;
    assert.deepEqual({ dead, exited, pendingTimers, timersLeft }, {
      dead: true,
      exited: false,
      pendingTimers: 0,
      timersLeft: 1,
    });
    await kernel.sleep(20);
    assert.equal(kernel.eventCount, 1);
  });
});

Deno.test("code of a process runs on after its death, but without effect, and this is counted", async () => {
  await withProcess(async (process, kernel) => {
    process.clock.setTimer(5, () => {
      process.kill();
      // It does not know that it is dead.
      process.clock.setTimer(1, () => assert.fail("it is dead")).cancel();
      assert.equal(process.mayAct("send"), false);
    });
    assert.equal(process.mayAct("send"), true);
    await kernel.sleep(20);
    const { count, lateCount, byEffect } = kernel.refusals;
    assert.deepEqual([count, lateCount], [2, 0]);
    assert.deepEqual([...byEffect], [["w#1: set a timer", 1], ["w#1: send", 1]]);
    assert.equal(process.pendingTimers, 0);
  });
});

Deno.test("planted fault: somebody wakes a dead process, and it acts", async () => {
  for (const lateEffects of ["count", "fail"] as const) {
    const kernel = new Kernel({ seed: 1, lateEffects });
    const process = new SimProcess(kernel, "w#1");
    const { promise, resolve } = Promise.withResolvers<void>();
    void promise.then(() => process.clock.setTimer(1, () => {}));
    const run = kernel.run(async () => {
      await kernel.sleep(5);
      process.kill();
      await kernel.sleep(5);
      // A connection that settles what is under way although its process is gone does so.
      resolve();
      await kernel.sleep(5);
    });
    if (lateEffects === "count") await run;
    else {
      await assert.rejects(run, {
        kind: "assertion",
        check: "effect of the dead",
        message: "effect of the dead: w#1 is dead and tried to set a timer (seed 1, 10.000 ms)",
      });
    }
    assert.equal(kernel.refusals.lateCount, 1);
  }
});

Deno.test("what is due while a process is paused happens when it goes on, in the order in which it was due", async () => {
  const log = await withProcess(async (process, kernel, log) => {
    for (const delayMs of [30, 10, 20]) {
      process.clock.setTimer(delayMs, () => log.push(at(kernel, `timer ${delayMs}`)));
    }
    process.schedule(15, "message", () => log.push(at(kernel, "message")));
    process.clock.setTimer(200, () => log.push(at(kernel, "timer 200")));
    process.pause();
    process.pause();
    const monotonicMs = process.clock.monotonicMs();
    await kernel.sleep(100);
    assert.ok(Math.abs(process.clock.monotonicMs() - monotonicMs - 100) < 1e-3, "time goes on");
    assert.deepEqual([log.length, process.paused], [0, true]);
    process.resume();
    process.resume();
    await kernel.sleep(200);
  });
  assert.deepEqual(log, [
    "timer 10 at 100",
    "message at 100",
    "timer 20 at 100",
    "timer 30 at 100",
    "timer 200 at 200",
  ]);
});

Deno.test("a timer that was cancelled by one that was due before it does not fire, though both were held back", async () => {
  const log = await withProcess(async (process, kernel, log) => {
    process.clock.setTimer(10, () => {
      log.push("first");
      second.cancel();
      message.cancel();
    });
    const second = process.clock.setTimer(20, () => log.push("second"));
    const message = process.schedule(20, "message", () => log.push("message"));
    process.pause();
    await kernel.sleep(100);
    process.resume();
    await kernel.sleep(100);
  });
  assert.deepEqual(log, ["first"]);
});

Deno.test("a process that is killed while it is paused never goes on", async () => {
  await withProcess(async (process, kernel) => {
    process.clock.setTimer(10, () => assert.fail("it is dead"));
    process.pause();
    await kernel.sleep(50);
    process.kill();
    process.resume();
    process.pause();
    await kernel.sleep(50);
    assert.equal(process.dead, true);
  });
});

Deno.test("a clock that changes while the process is paused fires each timer once", async () => {
  const log = await withProcess(async (process, kernel, log) => {
    for (const delayMs of [10, 150]) {
      process.clock.setTimer(delayMs, () => log.push(at(kernel, `timer ${delayMs}`)));
    }
    process.pause();
    await kernel.sleep(50);
    process.setClock({ rate: 2, wallOffsetMs: 0 });
    process.resume();
    await kernel.sleep(200);
  });
  assert.deepEqual(log, ["timer 10 at 50", "timer 150 at 100"]);
});

Deno.test("whoever listens hears of a death once, also who listens too late", async () => {
  await withProcess((process) => {
    let deaths = 0;
    process.onDeath(() => deaths++);
    process.kill();
    process.kill();
    process.exit();
    assert.equal(deaths, 1);
    process.onDeath(() => deaths++);
    assert.deepEqual([deaths, process.exited], [2, false]);
    return Promise.resolve();
  });
});

Deno.test("the signal to stop is an event, and a paused process hears it when it goes on", async () => {
  const log = await withProcess(async (process, kernel, log) => {
    process.stopping.addEventListener("abort", () => log.push(at(kernel, "heard")));
    process.pause();
    process.terminate();
    await kernel.sleep(50);
    process.resume();
    await kernel.sleep(50);
  });
  assert.deepEqual(log, ["heard at 50"]);
});

Deno.test("each process has clocks and chance of its own, and both follow from seed and name", () => {
  const make = (seed: number, name: string): (number | string)[] => {
    const { clock, random } = new SimProcess(new Kernel({ seed }), name);
    return [clock.monotonicMs(), random.float(), random.uuid()];
  };
  assert.deepEqual(make(1, "w#1"), make(1, "w#1"));
  const all = [make(1, "w#1"), make(1, "w#2"), make(2, "w#1")].flat();
  assert.equal(new Set(all).size, all.length);
});

Deno.test("what a process draws is in the trace", () => {
  const kernel = new Kernel({ seed: 1 });
  const { random } = new SimProcess(kernel, "w#1");
  const value = random.float();
  random.uuid();
  const [float, uuid] = kernel.trace.recent;
  assert.deepEqual(float, { index: 0, atMs: 0, owner: "w#1", label: "drawn float", value });
  assert.equal(uuid?.label, "drawn uuid");
});
