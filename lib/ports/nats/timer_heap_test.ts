import assert from "node:assert/strict";
import fc from "fast-check";
import type { Timer } from "../clock.ts";
import { type AlarmPorts, TimerHeap } from "./timer_heap.ts";

/** A runtime whose time the test moves. It has one alarm at most, and never one for nobody. */
class FakeRuntime implements AlarmPorts {
  atMs = 0;
  #alarm: { readonly atMs: number; readonly ring: () => void } | undefined;
  #soon: (() => void) | undefined;

  nowMs = () => this.atMs;

  setAlarm = (delayMs: number, ring: () => void) => {
    assert.ok(Number.isInteger(delayMs) && delayMs > 0 && delayMs < 2 ** 31, `${delayMs} ms`);
    assert.equal(this.pending, 0, "one at a time");
    const alarm = this.#alarm = { atMs: this.atMs + delayMs, ring };
    return () => {
      if (this.#alarm === alarm) this.#alarm = undefined;
    };
  };

  callSoon = (ring: () => void) => {
    assert.equal(this.pending, 0, "one at a time");
    this.#soon = ring;
  };

  /** How much is pending in the runtime. */
  get pending(): number {
    return (this.#alarm === undefined ? 0 : 1) + (this.#soon === undefined ? 0 : 1);
  }

  /** When the alarm rings; undefined if none is set. */
  get ringsAtMs(): number | undefined {
    return this.#alarm?.atMs;
  }

  /** The turns there are until a time has come, in some of which the alarm rings. */
  advanceTo(untilMs: number): void {
    while (this.#turn(untilMs));
    this.atMs = Math.max(this.atMs, untilMs);
  }

  #turn(untilMs: number): boolean {
    const [soon, alarm] = [this.#soon, this.#alarm];
    if (soon !== undefined) {
      this.#soon = undefined;
      soon();
    } else if (alarm !== undefined && alarm.atMs <= untilMs) {
      this.#alarm = undefined;
      this.atMs = Math.max(this.atMs, alarm.atMs);
      alarm.ring();
    } else return false;
    return true;
  }
}

function rig() {
  const runtime = new FakeRuntime();
  return { runtime, timers: new TimerHeap(runtime) };
}

Deno.test("timers fire in order, those of one time in the order in which they were set", () => {
  const { runtime, timers } = rig();
  const fired: string[] = [];
  for (const [name, delayMs] of [["c", 20], ["a", 10], ["d", 20], ["b", 10]] as const) {
    timers.add(delayMs, () => fired.push(`${name} at ${runtime.atMs}`));
  }
  assert.deepEqual([timers.size, runtime.pending], [4, 1]);
  runtime.advanceTo(9);
  assert.deepEqual(fired, []);
  runtime.advanceTo(30);
  assert.deepEqual(fired, ["a at 10", "b at 10", "c at 20", "d at 20"]);
  assert.deepEqual([timers.size, runtime.pending], [0, 0]);
});

Deno.test("a timer that is cancelled is gone at once, and with the last one the alarm", () => {
  const { runtime, timers } = rig();
  let fired = 0;
  const set = [30, 10, 20].map((delayMs) => timers.add(delayMs, () => fired++));
  set[1]!.cancel();
  set[1]!.cancel();
  assert.deepEqual([timers.size, runtime.pending], [2, 1]);
  runtime.advanceTo(20);
  assert.equal(fired, 1);
  set[2]!.cancel();
  set[0]!.cancel();
  assert.deepEqual([timers.size, runtime.pending], [0, 0]);
  timers.add(1, () => fired++);
  runtime.advanceTo(21);
  assert.equal(fired, 2);
});

Deno.test("one timer may set and cancel others, also those that are due", () => {
  const { runtime, timers } = rig();
  const fired: string[] = [];
  timers.add(10, () => {
    fired.push("first");
    second.cancel();
    timers.add(0, () => fired.push("at once"));
  });
  const second = timers.add(10, () => fired.push("second"));
  timers.add(10, () => fired.push("third"));
  runtime.advanceTo(10);
  assert.deepEqual(fired, ["first", "third", "at once"]);
});

Deno.test("an alarm that rings early fires nothing, and one that rings late all that is due", () => {
  const { runtime, timers } = rig();
  const fired: number[] = [];
  const rings: (() => void)[] = [];
  const early = new TimerHeap({ ...runtime, setAlarm: (_, ring) => (rings.push(ring), () => {}) });
  early.add(5, () => fired.push(5));
  runtime.atMs = 4.9;
  rings.shift()!();
  assert.deepEqual([fired, rings.length], [[], 1]);
  runtime.atMs = 5;
  rings.shift()!();
  assert.deepEqual([fired, rings.length], [[5], 0]);
  for (const delayMs of [3, 1, 2]) timers.add(delayMs, () => fired.push(delayMs));
  runtime.atMs = 100;
  runtime.advanceTo(100);
  assert.deepEqual(fired, [5, 1, 2, 3]);
});

Deno.test("a delay may be longer than the runtime's own can be, and for ever", () => {
  const { runtime, timers } = rig();
  const monthMs = 30 * 24 * 3_600_000;
  let firedAtMs = 0;
  timers.add(3 * monthMs, () => firedAtMs = runtime.atMs);
  const never = timers.add(Infinity, () => assert.fail("never"));
  runtime.advanceTo(6 * monthMs);
  assert.equal(firedAtMs, 3 * monthMs);
  assert.deepEqual([timers.size, runtime.pending], [1, 1]);
  never.cancel();
  assert.equal(runtime.pending, 0);
});

Deno.test("what is no delay is none", () => {
  const { runtime, timers } = rig();
  let fired = 0;
  for (const delayMs of [0, -5, NaN, -Infinity]) timers.add(delayMs, () => fired++);
  runtime.advanceTo(0);
  assert.equal(fired, 4);
});

Deno.test("a timer that throws stops no other one", () => {
  const { runtime, timers } = rig();
  let fired = 0;
  timers.add(1, () => {
    throw new Error("bad timer");
  });
  timers.add(1, () => fired++);
  timers.add(2, () => fired++);
  assert.throws(() => runtime.advanceTo(5), /bad timer/);
  runtime.advanceTo(5);
  assert.equal(fired, 2);
});

Deno.test("a timer that is over holds nothing of what it was set for", () => {
  const { runtime, timers } = rig();
  const held = (timer: Timer) => Object.values(timer).includes(fire);
  const fire = () => {};
  const [fired, cancelled] = [timers.add(1, fire), timers.add(2, fire)];
  assert.deepEqual([held(fired), held(cancelled)], [true, true]);
  runtime.advanceTo(1);
  cancelled.cancel();
  assert.deepEqual([held(fired), held(cancelled)], [false, false]);
});

/** What is done at a time: so many milliseconds later, set a timer, or cancel one of those set before. */
const steps = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 0.25, 1, 3),
    delayMs: fc.constantFrom(0, 0.5, 1, 2, 2, 5, 8, 13),
    cancels: fc.option(fc.nat(), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 60 },
);

Deno.test("property: whatever is set and cancelled, the rest fires once, in order and in time", () => {
  fc.assert(fc.property(steps, (all) => {
    const { runtime, timers } = rig();
    const set: { timer: Timer; dueMs: number; over: boolean }[] = [];
    const pending = () => set.filter(({ over }) => !over);
    for (const { afterMs, delayMs, cancels } of all) {
      runtime.advanceTo(runtime.atMs + afterMs);
      if (cancels !== undefined && set.length > 0) {
        const one = set[cancels % set.length]!;
        one.timer.cancel();
        one.over = true;
        continue;
      }
      const index = set.length;
      const timer = timers.add(delayMs, () => {
        const one = set[index]!;
        assert.equal(pending().toSorted((a, b) => a.dueMs - b.dueMs)[0], one, "the earliest");
        const lateMs = runtime.atMs - one.dueMs;
        assert.ok(lateMs >= 0 && lateMs < 1, `${lateMs} ms late`);
        one.over = true;
      });
      set.push({ timer, dueMs: runtime.atMs + delayMs, over: false });
      assert.equal(timers.size, pending().length);
    }
    runtime.advanceTo(runtime.atMs + 20);
    assert.deepEqual([pending(), timers.size, runtime.pending], [[], 0, 0]);
  }));
});

Deno.test("in this process: what follows from one timer is done before the next one fires", async () => {
  const timers = new TimerHeap();
  const order: string[] = [];
  const over = Promise.withResolvers<void>();
  timers.add(3, async () => {
    order.push("first");
    for (let n = 0; n < 10; n++) await Promise.resolve();
    order.push("what follows");
  });
  timers.add(3, () => {
    order.push("second");
    over.resolve();
  });
  await over.promise;
  assert.deepEqual(order, ["first", "what follows", "second"]);
});

Deno.test("in this process: timers without a delay leave room for what comes from outside", async () => {
  const timers = new TimerHeap();
  let isRead = false;
  const again = () => {
    if (!isRead) timers.add(0, again);
  };
  again();
  await Deno.readTextFile(new URL(import.meta.url));
  isRead = true;
});

/** Runs a program with a heap `timers`; returns what it printed and how it ended. */
async function run(body: string): Promise<{ out: string; err: string; code: number }> {
  const heap = JSON.stringify(import.meta.resolve("./timer_heap.ts"));
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", `import { TimerHeap } from ${heap}; const timers = new TimerHeap(); ${body}`],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { out: text(stdout), err: text(stderr), code };
}

Deno.test("in this process: what a timer throws is an uncaught error, and the others go on", async () => {
  const throwing = `
    timers.add(1, () => { throw new Error("bad timer"); });
    timers.add(1, () => console.log("second"));
    timers.add(5, () => console.log("third"));`;
  const heard = `addEventListener("error", (event) => {
    event.preventDefault();
    console.log("heard " + event.error.message);
  });`;
  assert.equal((await run(heard + throwing)).out, "heard bad timer\nsecond\nthird");
  const unheard = await run(throwing);
  assert.equal(unheard.code, 1);
  assert.match(unheard.err, /bad timer/);
});

Deno.test("in this process: pending timers keep it alive, cancelled ones do not", async () => {
  const { out, code } = await run(`
    timers.add(3_600_000, () => {}).cancel();
    const [soon, late] = [timers.add(1, () => {}), timers.add(3_600_000, () => {})];
    soon.cancel();
    timers.add(20, () => { console.log("last"); late.cancel(); });`);
  assert.deepEqual([out, code], ["last", 0]);
});
