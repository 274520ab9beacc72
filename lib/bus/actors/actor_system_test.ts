/** Actors in a directory on a real server: how they begin, keep, move and end. */
import assert from "node:assert/strict";
import { bothNatsTest, type Rig, until } from "../../test_support/rig.ts";
import { MessageBus } from "../bus.ts";
import { directoryBucket, nodeBucket } from "../names.ts";
import type { Actor, ActorType, DeactivationReason } from "./actor.ts";
import { ActorSystem } from "./actor_system.ts";

const BUS = "actors";
const TYPE = "test::counter";
const NOTHING = new Uint8Array();
const PATIENT = { timeoutMs: 30_000 };
const LEASE_TTL_MS = 1_500;
const FOR_EVER = { ttlMs: 0, replicas: 1, storage: "file" } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Node {
  readonly name: string;
  readonly bus: MessageBus;
  readonly actors: ActorSystem;
  readonly ended: DeactivationReason[];
  readonly cut: () => Promise<void>;
}

/** A counter that keeps its count, and says where it lives. */
function counter(node: string, ended: DeactivationReason[], type: Partial<ActorType>): ActorType {
  return {
    state: true,
    ...type,
    create: (context): Actor => ({
      async handle({ method }) {
        if (method === "fail") throw new Error("made to fail");
        if (method === "leave") context.deactivate();
        const before = context.state?.value;
        const count = before === undefined ? 1 : Number(decoder.decode(before)) + 1;
        await context.state?.save(encoder.encode(String(count)));
        return encoder.encode(`${count} at ${node}`);
      },
      onDeactivate: (reason) => void ended.push(reason),
    }),
  };
}

async function node(rig: Rig, name: string, type: Partial<ActorType> = {}): Promise<Node> {
  const { world, nc } = await rig.connect();
  const bus = new MessageBus({ world, bus: BUS, node: name, lookoutMs: 100 });
  const actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS, stopGraceMs: 1_000 });
  const ended: DeactivationReason[] = [];
  actors.define(TYPE, counter(name, ended, type));
  await bus.start();
  await actors.start();
  return { name, bus, actors, ended, cut: () => nc.close() };
}

async function leave({ actors, bus }: Node): Promise<void> {
  await actors.stop();
  await bus.stop();
}

const ask = async ({ actors }: Node, n: number, method = "count"): Promise<string> =>
  decoder.decode(await actors.request(`${TYPE}/${n}`, method, NOTHING, PATIENT));

bothNatsTest(
  "actors: each lives on one node, whoever calls, and errors fail the call only",
  async (rig) => {
    const nodes = [await node(rig, "a"), await node(rig, "b"), await node(rig, "c")];
    for (let n = 0; n < 12; n++) {
      const said = [];
      for (const caller of nodes) said.push(await ask(caller, n));
      const places = new Set(said.map((text) => text.split(" at ")[1]));
      assert.equal(places.size, 1, said.join(", "));
      assert.deepEqual(said.map((text) => text.split(" at ")[0]), ["1", "2", "3"]);
    }
    await assert.rejects(ask(nodes[0]!, 0, "fail"), {
      code: "PARTI_CALL_FAILED",
      message: "made to fail",
    });
    assert.match(await ask(nodes[0]!, 0), /^4 at /);
    const addresses = nodes.map(({ actors }) => actors.address!);
    await Promise.all(nodes.map(leave));
    const { world } = await rig.connect();
    const left = async (name: string) => await (await world.kv.open(name, FOR_EVER)).list(">");
    assert.deepEqual(await left(directoryBucket(BUS)), []);
    // That each has given its lease back, until the server forgets it.
    const stones = (await left(nodeBucket(BUS))).map(({ value }) => decoder.decode(value));
    assert.deepEqual(stones.sort(), addresses.map((dead) => JSON.stringify({ dead })).sort());
  },
);

bothNatsTest(
  "actors: who leaves in order loses nothing, and is somewhere else at once",
  async (rig) => {
    const [first, second] = [await node(rig, "a", { placement: "local" }), await node(rig, "b")];
    assert.equal(await ask(first, 1), "1 at a");
    assert.equal(await ask(second, 1), "2 at a");
    await leave(first);
    assert.deepEqual(first.ended, ["stopping"]);
    // Whoever still thinks it there has a key, and so is told nothing of it.
    const options = { ...PATIENT, idempotencyKey: "k" };
    const value = await second.actors.request(`${TYPE}/1`, "count", NOTHING, options);
    assert.equal(decoder.decode(value), "3 at b");
    await leave(second);
  },
);

bothNatsTest(
  "actors: those of a dead node begin elsewhere once its lease is over, and it is swept",
  async (rig) => {
    const [first, second] = [await node(rig, "a", { placement: "local" }), await node(rig, "b")];
    await Promise.all([1, 2, 3].map((n) => ask(first, n)));
    await first.cut();
    const options = { ...PATIENT, idempotencyKey: "k" };
    const value = await second.actors.request(`${TYPE}/1`, "count", NOTHING, options);
    assert.equal(decoder.decode(value), "2 at b");
    const { world } = await rig.connect();
    const bucket = await world.kv.open(directoryBucket(BUS), FOR_EVER);
    await until("what it left is removed", async () => (await bucket.list(">")).length === 1);
    await leave(second);
    // What is left of the dead one in this process.
    await leave(first);
  },
);

bothNatsTest(
  "actors: idle ones end, those that ask to end do, and come back with what they kept",
  async (rig) => {
    const one = await node(rig, "a", { idleMs: 200 });
    await ask(one, 1);
    await until("it was idle", () => one.ended.includes("idle"));
    assert.equal(await ask(one, 1, "leave"), "2 at a");
    await until("it has left", () => one.ended.includes("asked"));
    assert.equal(await ask(one, 1), "3 at a");
    await leave(one);
  },
);

bothNatsTest("actors: what nobody acts as is told, and so is a name that is none", async (rig) => {
  const one = await node(rig, "a");
  await assert.rejects(one.actors.request("test::nobody/1", "x", NOTHING, { timeoutMs: 300 }), {
    code: "PARTI_TIMEOUT",
    message: /no node has actors of test::nobody/,
  });
  await assert.rejects(one.actors.request("nonsense", "x", NOTHING), {
    code: "PARTI_INVALID_CONFIG",
  });
  assert.throws(() => one.actors.define(TYPE, counter("a", [], {})), {
    code: "PARTI_INVALID_CONFIG",
  });
  await assert.rejects(one.actors.start(), { code: "PARTI_ALREADY_STARTED" });
  await leave(one);
  await assert.rejects(ask(one, 1), { code: "PARTI_STOPPED" });
});

bothNatsTest("actors: a mailbox takes what it may, and no more", async (rig) => {
  const one = await node(rig, "a", {
    mailboxMax: 1,
    create: () => ({ handle: () => new Promise<void>(() => {}) }),
  });
  const calls = [1, 2, 3].map(() =>
    one.actors.request(`${TYPE}/1`, "x", NOTHING, { timeoutMs: 2_000 }).catch((error) => error.code)
  );
  const codes = await Promise.all(calls);
  assert.ok(codes.includes("PARTI_OVERLOADED"), String(codes));
  await leave(one);
});

bothNatsTest(
  "actors: a bucket that keeps leases for too short a time is told, and nothing is left",
  async (rig) => {
    const { world } = await rig.connect();
    await world.kv.open(nodeBucket(BUS), { ttlMs: 1_000, replicas: 1, storage: "file" });
    const bus = new MessageBus({ world, bus: BUS, node: "a" });
    const early = new ActorSystem({ world, bus });
    await assert.rejects(early.start(), { code: "PARTI_NOT_STARTED" });
    await bus.start();
    const actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
    await assert.rejects(actors.start(), { code: "PARTI_INVALID_CONFIG", value: 1_000 });
    await actors.stop();
    for (const options of [{ leaseTtlMs: 0 }, { cacheMax: -1 }, { stopGraceMs: NaN }]) {
      assert.throws(() => new ActorSystem({ world, bus, ...options }), {
        code: "PARTI_INVALID_CONFIG",
      });
    }
    assert.throws(() => actors.define("a::b", { create: () => ({ handle() {} }), idleMs: 0 }), {
      code: "PARTI_INVALID_CONFIG",
    });
    await bus.stop();
  },
);

bothNatsTest(
  "actors: a system can stop while it starts, and one after another can be on a bus",
  async (rig) => {
    const { world } = await rig.connect();
    const bus = new MessageBus({ world, bus: BUS, node: "a" });
    await bus.start();
    const first = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
    const starting = first.start().catch((error) => error.code);
    await first.stop();
    assert.ok([undefined, "PARTI_STOPPED"].includes(await starting));
    assert.equal(first.address, undefined);
    await using second = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
    await second.start();
    const third = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS });
    await assert.rejects(third.start(), { code: "PARTI_ALREADY_STARTED" });
  },
);

bothNatsTest(
  "actors: who does not come to an end in time loses its right, and the node stops",
  async (rig) => {
    const { world } = await rig.connect();
    const bus = new MessageBus({ world, bus: BUS, node: "a" });
    const actors = new ActorSystem({ world, bus, leaseTtlMs: LEASE_TTL_MS, stopGraceMs: 200 });
    let told = false;
    actors.define(TYPE, {
      create: () => ({
        handle: ({ signal }) => {
          signal.addEventListener("abort", () => told = true);
          return new Promise<void>(() => {});
        },
      }),
    });
    await bus.start();
    await actors.start();
    const call = actors.request(`${TYPE}/1`, "x", NOTHING, PATIENT).catch((error) => error.code);
    await until("it is at work", () => actors.activations[0]?.inTurn !== undefined);
    await actors.stop();
    assert.ok(told, "it was asked to come to its end");
    assert.equal(await call, "PARTI_MAYBE_DELIVERED");
    await bus.stop();
  },
);
