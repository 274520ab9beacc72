import assert from "node:assert/strict";
import { Draws } from "../draw.ts";
import type { EventOwner, SimEvent } from "./event_heap.ts";
import { SimulationFailure } from "./failure.ts";
import { Kernel, type KernelOptions } from "./kernel.ts";
import { simulate } from "./simulate.ts";

/** Runs with events that are scheduled before, for a second. */
async function runEvents(
  schedule: (kernel: Kernel, log: (what: string) => void) => void,
  options: KernelOptions = { seed: 1 },
): Promise<string[]> {
  const kernel = new Kernel(options);
  const seen: string[] = [];
  schedule(kernel, (what) => seen.push(what));
  await kernel.run(() => kernel.sleep(1_000, "end"));
  return seen;
}

/** An owner that can be paused and killed by hand. */
class TestOwner implements EventOwner {
  readonly ties = new Map();
  readonly name: string;
  readonly held: SimEvent[] = [];
  dead = false;
  paused = false;

  constructor(name: string) {
    this.name = name;
  }

  hold(event: SimEvent): boolean {
    if (this.paused) this.held.push(event);
    return this.paused;
  }
}

Deno.test("events happen in the order of their times, and time jumps from one to the next", async () => {
  const seen = await runEvents((kernel, log) => {
    for (const delayMs of [30, 10, 20, 10.5]) {
      kernel.schedule(delayMs, "x", () => log(`${delayMs} at ${kernel.nowMs}`));
    }
  });
  assert.deepEqual(seen, ["10 at 10", "10.5 at 10.5", "20 at 20", "30 at 30"]);
});

Deno.test("the seed decides among events of one instant: each order comes up", async () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 600; seed++) {
    const seen = await runEvents((kernel, log) => {
      for (const name of ["a", "b", "c"]) kernel.schedule(5, name, () => log(name));
    }, { seed });
    const order = seen.join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const count of counts.values()) assert.ok(count > 60 && count < 145, `${count}`);
});

Deno.test("a negative delay is none, infinity is never, and NaN is a mistake", async () => {
  const seen = await runEvents((kernel, log) => {
    kernel.schedule(-5, "x", () => log(`at ${kernel.nowMs}`));
    kernel.schedule(Infinity, "x", () => log("never"));
    assert.equal(kernel.pendingCount, 1);
    assert.throws(() => kernel.schedule(NaN, "x", () => {}), RangeError);
  });
  assert.deepEqual(seen, ["at 0"]);
});

Deno.test("everything that an event sets off has run before the next one, however many promises that takes", async () => {
  const chain = async (log: (what: string) => void, name: string): Promise<void> => {
    for (let i = 0; i < 5_000; i++) await undefined;
    queueMicrotask(() => log(`${name} done`));
  };
  const seen = await runEvents((kernel, log) => {
    for (const [at, name] of ["a", "b", "c"].entries()) {
      kernel.schedule(at, name, () => {
        log(name);
        void chain(log, name);
      });
    }
  });
  assert.deepEqual(seen, ["a", "a done", "b", "b done", "c", "c done"]);
});

Deno.test("with and without trust in quiet events there is one trace, unless an event is not as quiet as it says", async () => {
  const hashOf = async (quiet: (answer: () => void) => void, distrustQuiet: boolean) => {
    const kernel = new Kernel({ seed: 5, distrustQuiet });
    const draws = new Draws(5, "work");
    const worker = async (name: string): Promise<void> => {
      for (let i = 0; i < 200; i++) {
        await kernel.sleep(draws.integer(0, 3), name);
        await Promise.all([kernel.sleep(1), kernel.sleep(draws.float())]);
        const { promise, resolve } = Promise.withResolvers<void>();
        kernel.schedule(0.5, "quiet", () => quiet(resolve), undefined, true);
        kernel.schedule(0.5, "answer", resolve);
        await promise;
      }
    };
    await kernel.run(async () => void await Promise.all(["a", "b", "c"].map(worker)));
    return kernel.trace.hash;
  };
  const [quiet, loud] = [() => {}, (answer: () => void) => answer()];
  assert.equal(await hashOf(quiet, true), await hashOf(quiet, false));
  assert.notEqual(await hashOf(loud, true), await hashOf(loud, false));
});

Deno.test("a cancelled event does not happen, nor does cancelling one that has happened", async () => {
  const seen = await runEvents((kernel, log) => {
    const first = kernel.schedule(1, "first", () => log("first"));
    const late = kernel.schedule(3, "late", () => log("late"));
    kernel.schedule(2, "cancel", () => {
      first.cancel();
      late.cancel();
      late.cancel();
      assert.equal(kernel.pendingCount, 1);
    });
  });
  assert.deepEqual(seen, ["first"]);
});

Deno.test("nothing happens to a dead process, and nobody counts it", async () => {
  const owner = new TestOwner("w#1");
  const kernel = new Kernel({ seed: 1 });
  kernel.schedule(1, "x", () => assert.fail("it is dead"), owner);
  owner.dead = true;
  await kernel.run(() => kernel.sleep(5));
  assert.equal(kernel.eventCount, 1);
});

Deno.test("what was held back happens at once when it is released: in order, before all else, unless it was cancelled meanwhile", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const owner = new TestOwner("w#1");
    owner.paused = true;
    const seen = await runEvents((kernel, log) => {
      const happen = (name: string) => () => log(`${name} at ${kernel.nowMs}`);
      kernel.schedule(1, "a", happen("a"), owner);
      const cancelledWhileHeld = kernel.schedule(2, "b", happen("b"), owner);
      kernel.schedule(3, "c", () => {
        happen("c")();
        // One that is released already but has not happened can be cancelled too.
        cancelledAfterRelease.cancel();
      }, owner);
      const cancelledAfterRelease = kernel.schedule(4, "d", happen("d"), owner);
      kernel.schedule(10, "resume", () => {
        cancelledWhileHeld.cancel();
        owner.paused = false;
        kernel.schedule(0, "other", happen("other"));
        kernel.release(owner.held.splice(0), owner);
      });
    }, { seed });
    assert.deepEqual(seen, ["a at 10", "c at 10", "other at 10"]);
  }
});

Deno.test("an event that pauses its process again holds back what was released after it", async () => {
  const owner = new TestOwner("w#1");
  owner.paused = true;
  const seen = await runEvents((kernel, log) => {
    const resume = () => {
      owner.paused = false;
      kernel.release(owner.held.splice(0), owner);
    };
    const pause = () => void (owner.paused = true);
    kernel.schedule(1, "a", () => (log(`a at ${kernel.nowMs}`), pause()), owner);
    kernel.schedule(2, "b", () => log(`b at ${kernel.nowMs}`), owner);
    kernel.schedule(10, "resume", resume);
    kernel.schedule(20, "resume", resume);
  });
  assert.deepEqual(seen, ["a at 10", "b at 20"]);
});

Deno.test("invariants are checked after every event, when all that it set off has run, and before the work is called done", async () => {
  const kernel = new Kernel({ seed: 1 });
  let balance = 0;
  let checks = 0;
  kernel.addInvariant(() => {
    checks++;
    assert.equal(balance, 0);
  }, "balance");
  const move = async (): Promise<void> => {
    balance++;
    await undefined;
    balance--;
  };
  for (let i = 0; i < 10; i++) kernel.schedule(i, "move", () => void move());
  await kernel.run(() => kernel.sleep(20));
  // One more for what the work does before the first event.
  assert.equal(checks, kernel.eventCount + 1);
});

for (const quiet of [false, true]) {
  Deno.test(`a broken invariant ends the run after ${quiet ? "a quiet" : "an"} event, by name`, async () => {
    const kernel = new Kernel({ seed: 3 });
    let broken = false;
    kernel.addInvariant(() => assert.ok(!broken, "it broke"), "one owner");
    kernel.schedule(7, "break", () => void (broken = true), undefined, quiet);
    kernel.schedule(8, "later", () => assert.fail("the run goes on"));
    await assert.rejects(kernel.run(() => kernel.sleep(20)), (error) => {
      assert.ok(error instanceof SimulationFailure);
      const { kind, check, atMs, seed } = error;
      assert.deepEqual([kind, check, atMs, seed], ["assertion", "one owner", 7, 3]);
      return true;
    });
  });
}

Deno.test("what work returns is returned; what it throws, or an event does, is a crash with its cause", async () => {
  const kernel = new Kernel({ seed: 1 });
  assert.equal(await kernel.run(() => Promise.resolve(5)), 5);
  assert.equal(await kernel.run(async () => (await kernel.sleep(5), kernel.nowMs)), 5);
  const cause = new TypeError("broken");
  const failing: ((kernel: Kernel) => Promise<void>)[] = [
    () => Promise.reject(cause),
    () => {
      throw cause;
    },
    (failed) => {
      failed.schedule(1, "event", () => {
        throw cause;
      });
      return failed.sleep(5);
    },
  ];
  for (const work of failing) {
    const failed = new Kernel({ seed: 1 });
    const error = await failed.run(() => work(failed)).catch((error) => error);
    assert.ok(error instanceof SimulationFailure);
    assert.deepEqual([error.kind, error.cause, error.seed], ["crash", cause, 1]);
    assert.equal(failed.failure, error);
  }
});

Deno.test("the first failure counts, also if the work ends well in the same event", async () => {
  const kernel = new Kernel({ seed: 1 });
  const failure = (name: string) => new SimulationFailure("assertion", name, "", kernel.nowMs);
  const work = async (): Promise<void> => {
    await kernel.sleep(1);
    kernel.fail(failure("first"));
    kernel.fail(failure("second"));
  };
  await assert.rejects(kernel.run(work), { check: "first" });
});

Deno.test("when a run has failed nothing of it goes on", async () => {
  const kernel = new Kernel({ seed: 1 });
  let after = 0;
  const loop = async (): Promise<void> => {
    for (;;) {
      await kernel.sleep(1);
      after++;
    }
  };
  kernel.schedule(5.5, "fail", () => {
    throw new Error("broken");
  });
  await assert.rejects(kernel.run(loop), { check: "fail" });
  const seen = after;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([seen, after], [5, 5]);
});

Deno.test("a kernel runs one work at a time", async () => {
  const kernel = new Kernel({ seed: 1 });
  const first = kernel.run(() => kernel.sleep(5));
  assert.throws(() => kernel.run(() => kernel.sleep(5)), /running already/);
  await first;
});

Deno.test("two kernels at once do not touch each other", async () => {
  const run = async (seed: number): Promise<string> => {
    const kernel = new Kernel({ seed });
    await kernel.run(async () => {
      for (let i = 0; i < 100; i++) await Promise.all([kernel.sleep(i % 3), kernel.sleep(1)]);
    });
    return kernel.trace.hash;
  };
  const alone = [await run(1), await run(2)];
  assert.deepEqual(await Promise.all([run(1), run(2)]), alone);
});

Deno.test("waiting by name changes neither a value nor an error, and hides no rejection", async () => {
  const kernel = new Kernel({ seed: 1 });
  assert.equal(await kernel.awaiting("five", Promise.resolve(5)), 5);
  await assert.rejects(kernel.awaiting("refused", Promise.reject(new Error("no"))), /no/);
  const { failure } = await simulate({ seed: 1 }, (hidden) => {
    void hidden.awaiting("refused", Promise.reject(new Error("no")));
    return hidden.sleep(5);
  });
  assert.equal(failure?.check, "unhandled rejection");
});

Deno.test("leaving an event out changes the order of no others of its instant", async () => {
  const orderOf = async (seed: number, labels: readonly string[]) => {
    const kernel = new Kernel({ seed });
    const order: string[] = [];
    await kernel.run(async () => {
      for (const label of labels) kernel.schedule(10, label, () => void order.push(label));
      await kernel.sleep(11);
    });
    return order;
  };
  const orders = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const all = await orderOf(seed, ["a", "left out", "b", "c"]);
    const fewer = await orderOf(seed, ["a", "b", "c"]);
    assert.deepEqual(fewer, all.filter((label) => label !== "left out"), `seed ${seed}`);
    orders.add(fewer.join());
  }
  assert.equal(orders.size, 6, "and the seed decides");
});
