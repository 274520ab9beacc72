import assert from "node:assert/strict";
import type { Kernel } from "./kernel.ts";
import { type Main, SimNode, type SimNodeOptions, type SimProcess } from "./node.ts";
import { type Outcome, simulate } from "./simulate.ts";

/** Runs something with one node; fails if the run does. */
async function withNode(
  drive: (node: SimNode, kernel: Kernel, log: string[]) => Promise<void>,
  options: SimNodeOptions = {},
): Promise<string[]> {
  const { outcome, log } = await tryWithNode(drive, options);
  if (outcome.failure !== undefined) throw outcome.failure;
  return log;
}

async function tryWithNode(
  drive: (node: SimNode, kernel: Kernel, log: string[]) => Promise<void>,
  options: SimNodeOptions = {},
): Promise<{ outcome: Outcome<void>; log: string[] }> {
  const log: string[] = [];
  const outcome = await simulate(
    { seed: 1, lateEffects: "fail" },
    (kernel) => drive(new SimNode(kernel, "w", options), kernel, log),
  );
  return { outcome, log };
}

function pause({ clock }: SimProcess, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(delayMs, resolve));
}

/** Ticks every 10 ms until it is asked to end, and takes 25 ms for that. */
function ticking(log: string[]): Main {
  return async (process) => {
    log.push(`${process.name} begins`);
    while (!process.stopping.aborted) {
      await pause(process, 10);
      log.push(`${process.name} ticks`);
    }
    await pause(process, 25);
    log.push(`${process.name} ends`);
  };
}

Deno.test("lives are numbered, and a crash ends one at once", async () => {
  const log = await withNode(async (node, kernel, log) => {
    assert.deepEqual([node.process, node.running, node.lives], [undefined, false, 0]);
    const first = node.boot(ticking(log));
    assert.deepEqual([node.process, node.running, node.paused], [first, true, false]);
    assert.throws(() => node.boot(ticking(log)), /running already/);
    await kernel.sleep(15);
    node.crash();
    node.crash();
    assert.deepEqual([first.dead, node.running], [true, false]);
    await kernel.sleep(100);
    const second = node.restart();
    await kernel.sleep(15);
    node.restart();
    assert.deepEqual([second.dead, node.lives], [true, 3]);
    await kernel.sleep(5);
  });
  const ticks = ["w#1 begins", "w#1 ticks", "w#2 begins", "w#2 ticks", "w#3 begins"];
  assert.deepEqual(log, ticks);
});

Deno.test("a main function begins by an event of its own, not while it is booted", async () => {
  await withNode(async (node, kernel, log) => {
    node.boot(ticking(log));
    await undefined;
    assert.deepEqual(log, []);
    await kernel.sleep(1);
    assert.deepEqual(log, ["w#1 begins"]);
  });
});

Deno.test("a process that crashes before it has begun never begins", async () => {
  const log = await withNode(async (node, kernel, log) => {
    node.boot(ticking(log));
    node.crash();
    await kernel.sleep(50);
  });
  assert.deepEqual(log, []);
});

Deno.test("asked to stop, a process may finish what it is at", async () => {
  const log = await withNode(async (node, kernel, log) => {
    const process = node.boot(ticking(log));
    await kernel.sleep(15);
    assert.equal(await node.stop(), true);
    assert.deepEqual([process.exited, process.timersLeft, Math.floor(kernel.nowMs)], [true, 0, 45]);
    assert.equal(await node.stop(), true, "there is none any more");
  });
  assert.deepEqual(log, ["w#1 begins", "w#1 ticks", "w#1 ticks", "w#1 ends"]);
});

Deno.test("one that takes too long to stop is killed", async () => {
  await withNode(async (node, kernel, log) => {
    node.boot(ticking(log));
    await kernel.sleep(15);
    assert.equal(await node.stop(20), false);
    assert.deepEqual([node.running, Math.floor(kernel.nowMs)], [false, 35]);
    assert.ok(!log.includes("w#1 ends"));
  });
});

Deno.test("one that is paused does not hear that it should stop, and is killed; one that goes on in time ends well", async () => {
  for (const resumes of [false, true]) {
    await withNode(async (node, kernel, log) => {
      node.boot(ticking(log));
      await kernel.sleep(15);
      node.pause();
      assert.equal(node.paused, true);
      const stopped = node.stop(1_000);
      await kernel.sleep(500);
      assert.deepEqual(log, ["w#1 begins", "w#1 ticks"]);
      if (resumes) node.resume();
      assert.equal(await stopped, resumes);
      assert.deepEqual([node.running, node.paused], [false, false]);
    });
  }
});

Deno.test("one that crashes while it stops has not ended well", async () => {
  await withNode(async (node, kernel, log) => {
    node.boot(ticking(log));
    await kernel.sleep(15);
    const stopped = node.stop();
    await kernel.sleep(5);
    node.crash();
    assert.equal(await stopped, false);
    assert.equal(kernel.pendingCount, 0, "the grace is over too");
  });
});

Deno.test("a process is over when its main function returns, with all that it left", async () => {
  await withNode(async (node, kernel) => {
    const process = node.boot(({ clock }) => {
      clock.setTimer(5, () => assert.fail("it is over"));
      return Promise.resolve();
    });
    await kernel.sleep(50);
    assert.deepEqual([process.exited, process.timersLeft], [true, 1]);
  });
});

for (const how of ["rejects", "throws at once"]) {
  Deno.test(`a main function that ${how} fails the run, unless somebody deals with it`, async () => {
    const error = new TypeError("broken");
    const main: Main = how === "rejects" ? () => Promise.reject(error) : () => {
      throw error;
    };
    const drive = async (node: SimNode, kernel: Kernel): Promise<void> => {
      node.boot(main);
      await kernel.sleep(50);
      assert.equal(node.running, false);
    };
    const { outcome } = await tryWithNode(drive);
    assert.deepEqual([outcome.failure?.kind, outcome.failure?.cause], ["crash", error]);
    assert.equal(outcome.failure?.message, "main: w#1: broken (seed 1, 0.000 ms)");
    const seen: unknown[] = [];
    const onMainFailed = (failure: unknown, process: SimProcess) =>
      void seen.push(failure, process.name, process.dead);
    await withNode(drive, { onMainFailed });
    assert.deepEqual(seen, [error, "w#1", false]);
  });
}

Deno.test("what a dead process throws reaches nobody", async () => {
  await withNode(async (node, kernel) => {
    node.boot(() => {
      node.crash();
      return Promise.reject(new Error("nobody hears this"));
    });
    await kernel.sleep(50);
  });
});

Deno.test("clocks are the node's: the next process has them too", async () => {
  await withNode(async (node, kernel) => {
    const fast = { rate: 1.5, wallOffsetMs: 0 };
    const forever: Main = () => new Promise(() => {});
    node.boot(forever);
    node.setClock(fast);
    node.restart();
    const startMs = node.process!.clock.monotonicMs();
    await kernel.sleep(100);
    assert.ok(Math.abs(node.process!.clock.monotonicMs() - startMs - 150) < 1e-3);
  });
});

Deno.test("a node that was never started can be told anything but to start again", async () => {
  await withNode(async (node) => {
    node.crash();
    node.pause();
    node.resume();
    node.setClock({ rate: 1, wallOffsetMs: 5 });
    assert.equal(await node.stop(), true);
    assert.throws(() => node.restart(), /never started/);
  });
});
