/** Calls between nodes on a real server: each outcome there is. */
import assert from "node:assert/strict";
import { PartiError } from "../errors.ts";
import { bothNatsTest, type Rig, until } from "../test_support/rig.ts";
import { MessageBus } from "./bus.ts";
import type { BusOptions } from "./bus_options.ts";
import { addressSubject, nodeSubject } from "./names.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array();
const ECHO = { node: "server", type: "echo" };
const PATIENT = { timeoutMs: 20_000 };

interface Pair extends AsyncDisposable {
  readonly caller: MessageBus;
  readonly server: MessageBus;
  readonly cut: () => Promise<void>;
}

async function pair(rig: Rig, options: Partial<BusOptions> = {}): Promise<Pair> {
  const [one, other] = [await rig.connect(), await rig.connect()];
  const common = { bus: "test", lookoutMs: 100, ...options };
  const caller = new MessageBus({ ...common, world: one.world, node: "caller" });
  const server = new MessageBus({ ...common, world: other.world, node: "server" });
  server.handle("echo", ({ payload }) => payload);
  await Promise.all([caller.start(), server.start()]);
  return {
    ...{ caller, server, cut: () => other.nc.close() },
    async [Symbol.asyncDispose]() {
      await Promise.all([caller.stop(), server.stop()]);
    },
  };
}

bothNatsTest(
  "bus: a call has its value, and the handler is told what there is to know",
  async (rig) => {
    await using nodes = await pair(rig);
    const { caller, server } = nodes;
    assert.equal(
      decoder.decode(await caller.request(ECHO, "say", encoder.encode("hello"))),
      "hello",
    );
    server.handle("tell", ({ method, from, key, trace, leftMs, hops }) => {
      const isInTime = leftMs() > 0 && leftMs() <= PATIENT.timeoutMs;
      return encoder.encode(JSON.stringify({ method, from, key, trace, hops, isInTime }));
    });
    const told = await caller.request({ node: "server", type: "tell" }, "everything", NOTHING, {
      ...PATIENT,
      idempotencyKey: "k-1",
      trace: "00-abc-def-01",
    });
    assert.deepEqual(JSON.parse(decoder.decode(told)), {
      ...{ method: "everything", from: caller.address, key: "k-1", trace: "00-abc-def-01" },
      ...{ hops: 0, isInTime: true },
    });
    const { issued, settled, orphans } = caller.counts;
    assert.deepEqual([issued, settled, orphans, caller.pending], [2, 2, 0, 0]);
  },
);

bothNatsTest("bus: every outcome that is no value has its code", async (rig) => {
  await using nodes = await pair(rig, { pendingMax: 2 });
  const { caller, server } = nodes;
  const held = Promise.withResolvers<void>();
  server.handle("fail", () => {
    throw new PartiError("PARTI_REFUSED", "no such cart");
  });
  server.handle("hold", ({ signal }) => {
    signal.addEventListener("abort", () => held.resolve());
    return held.promise;
  });
  const hold = { node: "server", type: "hold" };
  await assert.rejects(caller.request({ node: "server", type: "fail" }, "x", NOTHING), {
    code: "PARTI_CALL_FAILED",
    message: "PARTI_REFUSED: no such cart",
  });
  await assert.rejects(caller.request({ node: "server", type: "nobody" }, "x", NOTHING), {
    code: "PARTI_NO_HANDLER",
  });
  await assert.rejects(caller.request(hold, "x", NOTHING, { timeoutMs: 50 }), {
    code: "PARTI_TIMEOUT",
  });
  const cancel = new AbortController();
  const cancelled = caller.request(hold, "x", NOTHING, { ...PATIENT, signal: cancel.signal });
  cancel.abort();
  await assert.rejects(cancelled, { code: "PARTI_ABORTED" });
  const open = [1, 2].map(() => caller.request(hold, "x", NOTHING, PATIENT));
  await assert.rejects(caller.request(hold, "x", NOTHING), { code: "PARTI_OVERLOADED" });
  const large = new Uint8Array(2_000_000);
  held.resolve();
  await Promise.all(open);
  await assert.rejects(caller.request(ECHO, "x", large), { code: "PARTI_NOT_SENT" });
  assert.equal(caller.pending, 0);
  await caller.stop();
  await assert.rejects(caller.request(ECHO, "x", NOTHING), { code: "PARTI_STOPPED" });
});

bothNatsTest("bus: an answer that is too large is an error of the handler", async (rig) => {
  await using nodes = await pair(rig);
  nodes.server.handle("large", () => new Uint8Array(2_000_000));
  await assert.rejects(
    nodes.caller.request({ node: "server", type: "large" }, "x", NOTHING, PATIENT),
    { code: "PARTI_CALL_FAILED", message: /^the answer cannot be sent: / },
  );
});

bothNatsTest("bus: where the receiver goes nobody waits for the deadline", async (rig) => {
  await using nodes = await pair(rig);
  const { caller, server } = nodes;
  let began = false;
  server.handle("hold", () => {
    began = true;
    return new Promise<void>(() => {});
  });
  const call = caller.request({ node: "server", type: "hold" }, "x", NOTHING, {
    timeoutMs: 600_000,
  });
  call.catch(() => {});
  await until("it is at work", () => began);
  await nodes.cut();
  await assert.rejects(call, { code: "PARTI_MAYBE_DELIVERED" });
  await assert.rejects(
    caller.request(ECHO, "x", NOTHING, { timeoutMs: 600_000 }),
    { code: "PARTI_MAYBE_DELIVERED" },
  );
});

bothNatsTest(
  "bus: with a key a call is tried again until a node is there to handle it",
  async (rig) => {
    const { world } = await rig.connect();
    await using caller = new MessageBus({ world, bus: "test", node: "caller", lookoutMs: 100 });
    await caller.start();
    const call = caller.request(ECHO, "x", encoder.encode("late"), {
      timeoutMs: 10_000,
      idempotencyKey: "k",
    });
    await until("it was tried again", () => caller.counts.retries > 0);
    const other = await rig.connect();
    await using server = new MessageBus({ world: other.world, bus: "test", node: "server" });
    server.handle("echo", ({ payload }) => payload);
    await server.start();
    assert.equal(decoder.decode(await call), "late");
  },
);

bothNatsTest("bus: what is no message is counted, and a second answer too", async (rig) => {
  await using nodes = await pair(rig);
  const { caller, server } = nodes;
  const { world } = await rig.connect();
  world.messaging.publish(nodeSubject("test", "server"), encoder.encode("nonsense"));
  await until("it was counted", () => server.counts.malformed === 1);
  const answer = `{"kind":"answer","id":"nobody:1","at":"x_1","status":"done","hops":0}\n`;
  world.messaging.publish(addressSubject("test", caller.address), encoder.encode(answer));
  await until("it was counted", () => caller.counts.orphans === 1);
  assert.equal(decoder.decode(await caller.request(ECHO, "x", encoder.encode("on"))), "on");
});

bothNatsTest("bus: no more is worked on at once than may be", async (rig) => {
  await using nodes = await pair(rig, { workingMax: 1 });
  const { caller, server } = nodes;
  const release = Promise.withResolvers<void>();
  server.handle("hold", () => release.promise);
  const hold = { node: "server", type: "hold" };
  const first = caller.request(hold, "x", NOTHING, PATIENT);
  await until("it is at work", () => server.working === 1);
  await assert.rejects(caller.request(hold, "x", NOTHING, PATIENT), { code: "PARTI_OVERLOADED" });
  release.resolve();
  await first;
});

bothNatsTest("bus: it is started once, and what is no name is refused", async (rig) => {
  const { world } = await rig.connect();
  await using bus = new MessageBus({ world, bus: "test", node: "one" });
  await bus.start();
  await assert.rejects(bus.start(), { code: "PARTI_ALREADY_STARTED" });
  assert.throws(() => new MessageBus({ world, bus: "a b", node: "one" }), {
    code: "PARTI_INVALID_CONFIG",
  });
  assert.throws(() => new MessageBus({ world, bus: "b", node: "one", pendingMax: 0 }), {
    code: "PARTI_INVALID_CONFIG",
    value: 0,
  });
  bus.handle("x", () => {});
  assert.throws(() => bus.handle("x", () => {}), { code: "PARTI_INVALID_CONFIG" });
  await bus.oneway({ node: "one", type: "x" }, "m", NOTHING);
  await assert.rejects(
    bus.request({ node: "one", type: "x" }, "m", NOTHING, { timeoutMs: -1 }),
    { code: "PARTI_INVALID_CONFIG" },
  );
});

bothNatsTest("bus: what is no bytes, and a time that is none, is one clear error", async (rig) => {
  await using nodes = await pair(rig);
  const { caller, server } = nodes;
  server.handle("number", (() => 42) as never);
  await assert.rejects(caller.request({ node: "server", type: "number" }, "x", NOTHING, PATIENT), {
    code: "PARTI_CALL_FAILED",
    message: "the handler returned number, not bytes",
  });
  await assert.rejects(caller.request(ECHO, "x", undefined as never, PATIENT), {
    code: "PARTI_NOT_SENT",
  });
  for (const timeoutMs of [Infinity, NaN, -1, 2 ** 31]) {
    await assert.rejects(caller.request(ECHO, "x", NOTHING, { timeoutMs }), {
      code: "PARTI_INVALID_CONFIG",
    });
  }
  assert.equal(caller.pending, 0);
  const { world } = await rig.connect();
  const late = new MessageBus({ world, bus: "test", node: "late" });
  await assert.rejects(late.request(ECHO, "x", NOTHING), { code: "PARTI_NOT_STARTED" });
});

bothNatsTest(
  "bus: a handler that takes longer than the first try is begun three times at most for a caller with a key",
  async (rig) => {
    await using nodes = await pair(rig);
    const { caller, server } = nodes;
    let handled = 0;
    server.handle("slow", async () => {
      handled++;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    });
    const options = { timeoutMs: 4_000, idempotencyKey: "k" };
    await caller.request({ node: "server", type: "slow" }, "x", NOTHING, options);
    assert.ok(handled <= 3, "the first tries were too short");
  },
);
