import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import { settle } from "../../test_support/manual_clock.ts";
import { fakeLane, FakeMessage } from "../fakes_test.ts";
import { gate, rig } from "./dispatcher_rig_test.ts";
import type { HandlerContext, PartitionMessage } from "./handler.ts";
import { Hold } from "./hold.ts";
import { ShardSlot } from "./shard_slot.ts";

Deno.test("a partition's messages are handled one after the other, in order", async () => {
  const { open, handler } = gate();
  const { feed, made, told } = rig(handler);
  const [a] = made("a");
  feed(a!, 1, 2, 3);
  for (const sequence of [1, 2, 3]) {
    assert.equal(open.length, sequence);
    assert.equal(open[sequence - 1]!.sequence, sequence);
    open[sequence - 1]!.end();
    await settle();
  }
  assert.deepEqual(told.outcomes, [["a", 1, "done"], ["a", 2, "done"], ["a", 3, "done"]]);
});

Deno.test("partitions run beside each other up to the limit, and take turns", async () => {
  const { open, handler } = gate();
  const { feed, made, dispatcher } = rig(handler);
  const [a, b, c] = made("a", "b", "c");
  feed(a!, 1, 2);
  feed(b!, 3);
  feed(c!, 4);
  assert.deepEqual(open.map(({ id }) => id), ["a", "b"]);
  assert.equal(dispatcher.runningCount, 2);
  open[0]!.end();
  await settle();
  assert.deepEqual(open.map(({ id }) => id), ["a", "b", "c"], "c waits longest");
  open[1]!.end();
  await settle();
  assert.deepEqual(open.map(({ sequence }) => sequence), [1, 3, 4, 2]);
});

Deno.test("a failing handler is tried again in place with growing pauses, and holds up its own partition only", async () => {
  const seen: string[] = [];
  const { clock, feed, made, told } = rig((message, { partitionId, attempt }) => {
    seen.push(`${partitionId}${message.streamSequence}/${attempt}`);
    if (partitionId === "a" && attempt < 3) throw new Error("not yet");
  });
  const [a, b] = made("a", "b");
  feed(a!, 1, 2);
  feed(b!, 3, 4);
  await settle();
  assert.deepEqual(seen, ["a1/1", "b3/1", "b4/1"]);
  await clock.advance(99);
  assert.equal(seen.length, 3);
  await clock.advance(1);
  assert.equal(seen.at(-1), "a1/2");
  await clock.advance(199);
  assert.equal(seen.at(-1), "a1/2");
  await clock.advance(1);
  assert.deepEqual(seen.slice(-2), ["a1/3", "a2/1"]);
  assert.deepEqual(told.failures, [1, 2, 1]);
});

Deno.test("a message that failed too often is poison, once", async () => {
  const { clock, feed, made, told, state } = rig(() => Promise.reject(new Error("never")));
  const [a] = made("a");
  state.poison = "stopped";
  feed(a!, 1, 2);
  await clock.advance(10_000);
  assert.deepEqual(told.outcomes, [["a", 1, "stopped"]]);
  assert.deepEqual([a!.stopped, a!.stale, a!.canRun], [true, true, false]);
});

Deno.test("an outage is not poison: what failed because of the server is tried until it is back", async () => {
  const { clock, feed, made, told, state } = rig((_, { attempt }) => {
    if (attempt <= 5) throw new Error("wrapped", { cause: new PartiError("PARTI_TIMEOUT", "no") });
    if (attempt <= 10) throw new Error("any error while the connection is down");
  });
  const [a] = made("a");
  feed(a!, 1);
  await clock.advance(4_000);
  state.connected = false;
  await clock.advance(6_000);
  assert.deepEqual(told.outcomes, [["a", 1, "done"]]);
  assert.equal(told.failures.length, 10);
});

for (const code of ["PARTI_NOT_BEGUN", "PARTI_STREAM_FULL"] as const) {
  Deno.test(`an actor that cannot begin, or an output that is full, makes no poison of a message: ${code}`, async () => {
    const { clock, feed, made, told, state } = rig((_, { attempt }) => {
      if (attempt <= 5) throw new PartiError(code, "not now");
    }, { maxDeliver: 2 });
    state.poison = "stopped";
    const [a] = made("a");
    feed(a!, 1);
    await clock.advance(10_000);
    assert.deepEqual(told.outcomes, [["a", 1, "done"]]);
  });
}

Deno.test("a fenced handler gives its partition up: somebody newer owns it", async () => {
  const { clock, feed, made, told } = rig(() => {
    throw new PartiError("PARTI_FENCED", "written in a later generation");
  }, { maxDeliver: 1 });
  const [a] = made("a");
  feed(a!, 1, 2);
  await clock.advance(10_000);
  assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
  assert.deepEqual([a!.outranked, a!.stale], [true, true]);
});

Deno.test("what was aborted is not done, even if its handler comes back well", async () => {
  const { open, handler } = gate();
  const { feed, made, told } = rig(handler);
  const [a] = made("a");
  feed(a!, 1, 2);
  a!.abort(new PartiError("PARTI_ABORTED", "over"));
  open[0]!.end();
  await settle();
  assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
  assert.deepEqual([a!.doneSequence, a!.stale, open.length], [0, true, 1]);
});

Deno.test("an abort ends the pause between two tries", async () => {
  const { clock, feed, made, told } = rig(() => Promise.reject(new Error("no")));
  const [a] = made("a");
  feed(a!, 1);
  await settle();
  a!.abort(new PartiError("PARTI_ABORTED", "over"));
  await settle();
  assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("a partition that is to move is not tried again here", async () => {
  const { clock, feed, made, told } = rig(() => Promise.reject(new Error("no")));
  const [a] = made("a");
  feed(a!, 1);
  await settle();
  a!.wanted = false;
  await settle();
  assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
  assert.equal(clock.pendingTimers, 0, "nobody waits for the pause");
});

Deno.test("a handler that fails when its partition is to move already is not waited for again", async () => {
  const { open, handler } = gate();
  const { clock, feed, made, told } = rig(handler);
  const [a] = made("a");
  feed(a!, 1);
  a!.wanted = false;
  open[0]!.fail(new Error("no"));
  await settle();
  assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
  assert.equal(clock.pendingTimers, 0);
});

Deno.test("without the right to act nothing is started, and what comes back is not done; with it all goes on", async () => {
  const { open, handler } = gate();
  const { feed, made, told, state, dispatcher } = rig(handler);
  const [a, b] = made("a", "b");
  feed(a!, 1);
  state.mayAct = false;
  feed(b!, 2);
  open[0]!.end();
  await settle();
  assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
  assert.equal(open.length, 1);
  state.mayAct = true;
  dispatcher.pump();
  assert.equal(open.length, 2);
});

Deno.test("paused, nothing is started; resumed, everything goes on", async () => {
  const { open, handler } = gate();
  const { feed, made, dispatcher } = rig(handler);
  const [a] = made("a");
  dispatcher.pause();
  feed(a!, 1);
  assert.deepEqual([open.length, dispatcher.paused], [0, true]);
  dispatcher.resume();
  assert.equal(open.length, 1);
  open[0]!.end();
  await settle();
});

Deno.test("with manual acks the next message waits for the ack, not for the handler's return", async () => {
  const acks: (() => void)[] = [];
  const { feed, made, told } = rig((_, context) => {
    acks.push(() => context.ack());
  }, { manualAck: true });
  const [a] = made("a");
  feed(a!, 1, 2);
  await settle();
  assert.deepEqual([acks.length, told.outcomes.length], [1, 0]);
  acks[0]!();
  await settle();
  assert.deepEqual([acks.length, told.outcomes], [2, [["a", 1, "done"]]]);
});

Deno.test("a manual ack of a try that has failed does not count for the next one", async () => {
  const contexts: HandlerContext[] = [];
  const { clock, feed, made, told } = rig((_, context) => {
    contexts.push(context);
    if (context.attempt === 1) throw new Error("its ack is still to come");
  }, { manualAck: true });
  const [a] = made("a");
  feed(a!, 1, 2);
  await settle();
  await clock.advance(100);
  const [first, second] = contexts;
  assert.deepEqual([first!.attempt, second!.attempt], [1, 2]);
  first!.ack();
  await settle();
  assert.deepEqual([contexts.length, told.outcomes], [2, []]);
  second!.ack();
  await settle();
  assert.deepEqual(told.outcomes, [["a", 1, "done"]]);
  contexts[2]!.ack();
});

Deno.test("an abort ends the wait for a manual ack, and fires the signal of the try that waits", async () => {
  const contexts: HandlerContext[] = [];
  const { feed, made, told } = rig((_, context) => void contexts.push(context), {
    manualAck: true,
  });
  const [a] = made("a");
  feed(a!, 1);
  await settle();
  a!.abort(new PartiError("PARTI_ABORTED", "over"));
  await settle();
  assert.equal(contexts[0]!.signal.aborted, true);
  assert.deepEqual(told.outcomes, [["a", 1, "abandoned"]]);
});

Deno.test("the context says under what right a message is handled, anew for every try", async () => {
  const seen: unknown[] = [];
  const { clock, feed, made } = rig(
    (_, { epoch, generation, attempt, worker, instance, partition }) => {
      seen.push({ epoch, generation, attempt, worker, instance, partition });
      if (attempt === 1) throw new Error("again");
    },
  );
  const [a] = made("a");
  feed(a!, 1);
  await settle();
  a!.ownership = { epoch: 2, generation: 9 };
  await clock.advance(100);
  const common = { worker: "w", instance: "i", partition: { keys: ["a"] } };
  assert.deepEqual(seen, [
    { epoch: 1, generation: 1, attempt: 1, ...common },
    { epoch: 2, generation: 9, attempt: 2, ...common },
  ]);
});

Deno.test("the signal is made when first asked for, also after the abort", () => {
  const { open, handler } = gate();
  const { feed, made } = rig(handler);
  const [a] = made("a");
  feed(a!, 1);
  const reason = new PartiError("PARTI_ABORTED", "over");
  a!.abort(reason);
  assert.equal(a!.running!.signal.aborted, true);
  assert.equal(a!.running!.signal.reason, reason);
  open[0]!.end();
});

Deno.test("a bug in what is told does not take the slot", async () => {
  const { feed, made, told } = rig(() => {});
  const [a] = made("a");
  // Planted.
  const done = a!.done.bind(a);
  a!.done = () => {
    a!.done = done;
    throw new PartiError("PARTI_INVARIANT", "planted");
  };
  feed(a!, 7);
  await settle();
  assert.equal(told.errors.length, 1);
  assert.equal(a!.running, undefined);
});

Deno.test("a handler that returns no promise is done when it comes back, whatever it returns, however many messages wait", () => {
  const order: number[] = [];
  const handler = (message: PartitionMessage) => order.push(message.streamSequence) as never;
  const { dispatcher, told, feed, made } = rig(handler);
  const [a, b] = made("a", "b");
  dispatcher.pause();
  feed(a!, ...Array.from({ length: 5_000 }, (_, i) => i + 1));
  feed(b!, 9_001);
  dispatcher.resume();
  assert.equal(order.length, 5_001);
  assert.deepEqual(
    order.filter((sequence) => sequence < 9_000),
    order.slice().sort((x, y) => x - y).slice(0, 5_000),
  );
  assert.ok(order.indexOf(9_001) < 5, "other partitions have their turn");
  assert.equal(dispatcher.runningCount, 0);
  assert.ok(told.outcomes.every(([, , outcome]) => outcome === "done"));
});

/** What a handler may do that no handler should, with its first message. */
const ODDITIES: Readonly<Record<string, () => unknown>> = {
  "throws what has no words": () => {
    throw Object.create(null);
  },
  "rejects with what has no words": () => Promise.reject(Object.create(null)),
  "returns what is no promise and throws": () => ({
    then() {
      throw new Error("no");
    },
  }),
};

for (const [what, odd] of Object.entries(ODDITIES)) {
  Deno.test(`a handler that ${what} has failed, and stops nobody`, async () => {
    const handler = ({ streamSequence }: PartitionMessage) =>
      (streamSequence === 1 ? odd() : undefined) as never;
    const { dispatcher, told, feed, made } = rig(handler, { maxDeliver: 1 });
    const [a, b] = made("a", "b");
    feed(a!, 1);
    feed(b!, 2);
    await settle();
    assert.equal(dispatcher.runningCount, 0);
    assert.deepEqual(told.outcomes.map(([id]) => id).sort(), ["a", "b"]);
    assert.deepEqual(told.errors, []);
  });
}

Deno.test("what is no promise and says twice that it is done is done once", async () => {
  const open: number[] = [];
  const handler = ({ streamSequence }: PartitionMessage): never => {
    const twice = {
      then(resolve: () => void) {
        resolve();
        resolve();
      },
    };
    open.push(streamSequence);
    return (streamSequence === 1 ? twice : new Promise(() => {})) as never;
  };
  const { dispatcher, feed, made } = rig(handler);
  feed(made("a")[0]!, 1, 2, 3);
  await settle();
  assert.deepEqual([open, dispatcher.runningCount], [[1, 2], 1]);
});

Deno.test("what is not fit to be handled is poison before the first try, and holds up nobody", async () => {
  const handled: string[] = [];
  const poison: [string, unknown][] = [];
  const { dispatcher, told } = rig(
    (_message, { partitionId }) => void handled.push(partitionId),
    { concurrency: 1 },
    (slot, _run, error) => {
      poison.push([slot.id, error]);
      return Promise.resolve("done");
    },
  );
  const strange = new PartiError("PARTI_INVALID_PARTITION", "of another shard");
  const right = new Hold({ epoch: 1, generation: 1 });
  const shard = new ShardSlot({ keys: ["s"] }, "s", "feed.", "S", right, (key) => {
    if (key === "b") throw strange;
  });
  const { lane } = fakeLane([shard]);
  for (const [i, key] of ["a", "b", "a", "b", "c"].entries()) {
    const message = new FakeMessage(key, i + 1);
    const slot = shard.part(message.subject);
    slot.take(message, lane);
    dispatcher.offer(slot);
  }
  await settle();
  assert.deepEqual(handled, ["a", "a", "c"]);
  assert.deepEqual(poison, [["b", strange], ["b", strange]]);
  assert.deepEqual([told.failures, told.outcomes.length], [[], 5]);
});
