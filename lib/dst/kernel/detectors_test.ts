import assert from "node:assert/strict";
import type { KernelOptions } from "./kernel.ts";
import type { SimulationFailure } from "./failure.ts";
import { type ClockShape, SimNode, SimProcess, TRUE_CLOCK } from "./node.ts";
import { simulate, type Workload } from "./simulate.ts";

/** Runs a workload that must fail. */
async function failureOf(
  work: Workload,
  options: Partial<KernelOptions> = {},
): Promise<SimulationFailure> {
  const { failure } = await simulate({ seed: 7, ...options }, work);
  assert.ok(failure !== undefined, "the planted fault was not found");
  return failure;
}

const never = (): Promise<void> => new Promise(() => {});

Deno.test("planted deadlock: two processes wait for what nobody settles, and it is told by name", async () => {
  const failure = await failureOf(async (kernel) => {
    const wait = async (process: SimProcess): Promise<void> => {
      await new Promise<void>((resolve) => process.clock.setTimer(12.345, resolve));
      const other = process.name === "a#1" ? "b" : "a";
      await kernel.awaiting(`lock of ${other}`, never(), process);
    };
    for (const name of ["a", "b"]) new SimNode(kernel, name).boot(wait);
    await kernel.awaiting("both to finish", never());
  });
  assert.equal(failure.kind, "deadlock");
  assert.equal(
    failure.message,
    "deadlock: nothing will ever happen, and these wait: " +
      "both to finish; lock of a (b#1); lock of b (a#1) (seed 7, 12.345 ms)",
  );
});

Deno.test("planted deadlock: a paused process that could go on is named, what a dead one waits for is not", async () => {
  const failure = await failureOf(async (kernel) => {
    const [paused, dead] = [new SimNode(kernel, "paused"), new SimNode(kernel, "dead")];
    const wait = (process: SimProcess) => kernel.awaiting("the leader", never(), process);
    dead.boot(wait);
    paused.boot((process) => new Promise((resolve) => process.clock.setTimer(50, resolve)));
    await kernel.sleep(10);
    paused.pause();
    dead.crash();
    await kernel.awaiting("the end", never());
  });
  assert.match(failure.message, /these wait: paused#1, which is paused; the end \(/);
});

Deno.test("a deadlock of waits without names is still one", async () => {
  const failure = await failureOf(never);
  assert.match(failure.message, /something without a name/);
});

Deno.test("planted livelock: two processes wake each other at one instant for ever", async () => {
  const failure = await failureOf(async (kernel) => {
    const ping = (): void => void kernel.schedule(0, "ping", pong);
    const pong = (): void => void kernel.schedule(0, "pong", ping);
    kernel.schedule(5, "start", ping);
    await kernel.awaiting("an answer", never());
  }, { limits: { eventsPerInstant: 1_000 } });
  assert.deepEqual([failure.kind, failure.atMs], ["livelock", 5]);
  assert.match(failure.message, /1000 events and no time has passed; these wait: an answer/);
});

Deno.test("planted livelock: a loop that sleeps for 0 ms on a process's clock", async () => {
  const shapes: ClockShape[] = [TRUE_CLOCK, { rate: 1.001, wallOffsetMs: 0 }];
  for (const shape of shapes) {
    const failure = await failureOf(async (kernel) => {
      const process = new SimProcess(kernel, "w#1", shape);
      for (;;) await new Promise<void>((resolve) => process.clock.setTimer(0, resolve));
    }, { limits: { eventsPerInstant: 1_000 } });
    assert.equal(failure.kind, "livelock");
  }
});

Deno.test("planted livelock of quiet events", async () => {
  const failure = await failureOf(async (kernel) => {
    const again = (): void => void kernel.schedule(0, "again", again, undefined, true);
    again();
    await never();
  }, { limits: { eventsPerInstant: 1_000 } });
  assert.equal(failure.kind, "livelock");
});

Deno.test("planted breach of the budget: a timer that sets itself again for ever", async () => {
  const failure = await failureOf(async (kernel) => {
    const process = new SimProcess(kernel, "w#1");
    const again = (): void => void process.clock.setTimer(1_000, again);
    again();
    await kernel.awaiting("convergence", never());
  });
  assert.deepEqual([failure.kind, failure.check], ["budget", "virtual time"]);
  assert.match(failure.message, /more than 3600000 ms; these wait: convergence/);
  assert.ok(failure.atMs <= 3_600_000);
});

Deno.test("planted breach of the budget: more events than there should ever be", async () => {
  const failure = await failureOf(async (kernel) => {
    for (;;) await kernel.sleep(1);
  }, { limits: { events: 500 } });
  assert.deepEqual([failure.kind, failure.check], ["budget", "events"]);
});

Deno.test("planted escape: it fails the run although the code caught what it got", async () => {
  const failure = await failureOf(async (kernel) => {
    await kernel.sleep(3);
    try {
      Math.random();
    } catch {
      // As a retry loop does that takes every error for a lost connection.
    }
    await kernel.sleep(3);
  });
  assert.deepEqual([failure.kind, failure.check, failure.atMs], ["escape", "Math.random", 3]);
  assert.match(failure.message, /detectors_test\.ts:\d+:\d+/);
});

Deno.test("planted unhandled rejection, in a process that nobody waits for", async () => {
  const failure = await failureOf(async (kernel) => {
    const lose = async (): Promise<void> => {
      await kernel.sleep(2);
      throw new TypeError("nobody looks");
    };
    void lose();
    for (let i = 0; i < 1_000; i++) await kernel.sleep(1);
  });
  const { kind, check, atMs } = failure;
  assert.deepEqual([kind, check, atMs], ["crash", "unhandled rejection", 2]);
  assert.match(failure.message, /nobody looks/);
});

Deno.test("planted uncaught error, in a microtask of its own", async () => {
  const failure = await failureOf(async (kernel) => {
    await kernel.sleep(2);
    queueMicrotask(() => {
      throw new TypeError("nobody can catch this");
    });
    await kernel.sleep(5);
  });
  const { kind, check, atMs } = failure;
  assert.deepEqual([kind, check, atMs], ["crash", "uncaught error", 2]);
});

Deno.test("planted rejection in the last event of a run", async () => {
  const failure = await failureOf(async (kernel) => {
    await kernel.sleep(2);
    void Promise.reject(new Error("too late to be seen?"));
  });
  assert.equal(failure.check, "unhandled rejection");
});

Deno.test("a workload without a fault is found to have none", async () => {
  const outcome = await simulate({ seed: 7 }, async (kernel) => {
    const process = new SimProcess(kernel, "w#1");
    await new Promise<void>((resolve) => process.clock.setTimer(5, resolve));
    await Promise.reject(new Error("handled")).catch(() => {});
    return "fine";
  });
  assert.deepEqual([outcome.failure, outcome.value], [undefined, "fine"]);
});
