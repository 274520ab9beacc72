/** A node that leaves in order while others call: whoever is not served any more is told so for certain. */
import assert from "node:assert/strict";
import { addressSubject, directoryBucket, nodeBucket } from "../../bus/names.ts";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BUS } from "./bus_cluster.ts";
import { CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::steady";
const CALLS = 60;
const GRACE_MS = 1_000;
/** What a node says of itself is seen by then. */
const SEEN_MS = 50;
/** A lease is renewed within that. */
const RENEWED_MS = 2_000;

/** Calls one actor again and again while its node leaves, and counts what the callers were told. */
async function callsMeanwhile(kernel: Kernel): Promise<Map<string, number>> {
  const nodes = new CalmNodes(kernel);
  const caller = await nodes.start("caller");
  const leaver = await nodes.start("leaver", {
    define: (actors) => {
      actors.define(TYPE, { create: () => ({ handle: ({ payload }) => payload }) });
    },
  });
  const told = new Map<string, number>();
  const call = async (): Promise<void> => {
    let outcome = "value";
    try {
      await caller.actors.request(`${TYPE}/1`, "echo", tokenBytes("a"), { timeoutMs: 2_000 });
    } catch (error) {
      if (!isPartiError(error)) throw error;
      outcome = error.code;
    }
    told.set(outcome, (told.get(outcome) ?? 0) + 1);
  };
  while (!told.has("value")) await call();
  const leaving = leaver.actors.stop().then(() => leaver.bus.stop());
  const calls: Promise<void>[] = [];
  for (let n = 0; n < CALLS; n++) {
    calls.push(call());
    await kernel.sleep(1);
  }
  await Promise.all([leaving, ...calls]);
  await caller.actors.stop();
  await caller.bus.stop();
  return told;
}

Deno.test("a call that meets a node which is leaving is refused for certain, until others know", async () => {
  const kernel = new Kernel({ seed: 1 });
  const told = await kernel.run(() => callsMeanwhile(kernel));
  const seen = JSON.stringify([...told]);
  assert.equal(told.get("PARTI_MAYBE_DELIVERED"), undefined, seen);
  assert.ok((told.get("PARTI_NOT_SENT") ?? 0) > 0, seen);
  // Who asks when it has gone waits in vain for another place.
  assert.ok((told.get("PARTI_TIMEOUT") ?? 0) > 0, seen);
});

Deno.test("a node that leaves tells all of its actors, however long the server takes to have their places back", async () => {
  const kernel = new Kernel({ seed: 1 });
  const count = 2_500;
  const told: string[] = [];
  const errors: string[] = [];
  const tookMs = await kernel.run(async () => {
    const { actors, bus } = await new CalmNodes(kernel, 20).start("leaver", {
      stopGraceMs: GRACE_MS,
      onError: ({ code }) => errors.push(code),
      define: (actors) => {
        actors.define(TYPE, {
          create: ({ id }) => ({
            handle: ({ method }) => method === "wait" ? new Promise(() => {}) : undefined,
            onDeactivate: () => {
              told.push(id);
              if (id.endsWith("/7")) throw new Error("made to fail");
            },
          }),
        });
      },
    });
    const call = (n: number, method: string) =>
      actors.request(`${TYPE}/${n}`, method, tokenBytes("a"));
    await Promise.all(Array.from({ length: count }, (_, n) => call(n, "rest")));
    const stuck = call(0, "wait").catch((error) => error.code);
    await kernel.sleep(200);
    const sinceMs = kernel.nowMs;
    await actors.stop();
    const tookMs = kernel.nowMs - sinceMs;
    assert.equal(await stuck, "PARTI_MAYBE_DELIVERED");
    await bus.stop();
    return tookMs;
  });
  assert.equal(new Set(told).size, count - 1, "only the one at work was not told");
  assert.deepEqual(errors, ["PARTI_HANDLER_FAILED"]);
  assert.ok(tookMs < GRACE_MS + 1_000, `${tookMs} ms`);
});

Deno.test("a bus that stops leaves nobody asking where an actor is, or waiting for the next try", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const { actors, bus } = await new CalmNodes(kernel).start("caller");
    const options = { timeoutMs: 60_000, idempotencyKey: "k" };
    const codeOf = (error: unknown) => isPartiError(error) ? error.code : "no error of parti";
    const calls = [
      actors.request("sim::nobody/1", "x", tokenBytes("a"), options),
      actors.request("sim::nobody/1", "x", tokenBytes("a"), { timeoutMs: 60_000 }),
      bus.request({ node: "nobody", type: "x" }, "x", tokenBytes("a"), options),
    ].map((call) => call.then(() => "value", codeOf));
    // By then they look, and try, seldom.
    await kernel.sleep(30_000);
    await bus.stop();
    const sinceMs = kernel.nowMs;
    assert.deepEqual(await Promise.all(calls), Array(3).fill("PARTI_STOPPED"));
    assert.ok(kernel.nowMs - sinceMs < 10, `${kernel.nowMs - sinceMs} ms`);
    await actors.stop();
  });
});

Deno.test("who calls a node that nobody has seen is told that nobody listens there", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const { actors, bus } = await new CalmNodes(kernel).start("caller");
    const call = bus.request({ node: "nobody", type: "x" }, "x", tokenBytes("a"));
    await assert.rejects(call, {
      code: "PARTI_MAYBE_DELIVERED",
      message: "nobody listens as node nobody",
      value: "nobody",
    });
    await actors.stop();
    await bus.stop();
  });
});

Deno.test("a node that takes its time to leave is not chosen any more, however little lives there", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const nodes = new CalmNodes(kernel);
    const work = Promise.withResolvers<void>();
    const define: Parameters<CalmNodes["start"]>[1] = {
      define: (actors) =>
        actors.define(TYPE, {
          placement: "least-loaded",
          create: () => ({
            handle: ({ method, payload }) => method === "work" ? work.promise : payload,
          }),
        }),
    };
    const leaver = await nodes.start("leaver", define);
    const busy = leaver.actors.request(`${TYPE}/busy`, "work", tokenBytes("a"));
    const heir = await nodes.start("heir", define);
    const call = (n: number) =>
      heir.actors.request(`${TYPE}/${n}`, "echo", tokenBytes("a"))
        .then(() => "value", (error) => isPartiError(error) ? error.code : String(error));
    // Much more lives at the heir.
    for (let n = 0; n < 10; n++) await call(n);
    const leaving = leaver.actors.stop();
    await kernel.sleep(SEEN_MS);
    const told: string[] = [];
    // Longer than a lease is renewed, by which all know how little lives there.
    for (let n = 0; n < CALLS; n++) {
      told.push(await call(100 + n));
      await kernel.sleep(RENEWED_MS / CALLS);
    }
    assert.deepEqual(told, Array(CALLS).fill("value"));
    work.resolve();
    await Promise.all([busy, leaving]);
    await leaver.bus.stop();
    await heir.actors.stop();
    await heir.bus.stop();
  });
});

Deno.test("what still looks for its place when its node leaves begins elsewhere", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const nodes = new CalmNodes(kernel);
    const define: Parameters<CalmNodes["start"]>[1] = {
      define: (actors) =>
        actors.define(TYPE, {
          placement: "local",
          create: () => ({ handle: ({ payload }) => payload }),
        }),
    };
    const leaver = await nodes.start("leaver", define);
    const heir = await nodes.start("heir", define);
    // More than end at once, so that the last one is not looked at before it knows where it belongs.
    const before = Array.from(
      { length: 1_001 },
      (_, n) => leaver.actors.request(`${TYPE}/${n}`, "echo", tokenBytes("a")),
    );
    await Promise.all(before);
    const { outbox, caller } = leaver.bus;
    const subject = addressSubject(BUS, leaver.actors.address!);
    const errand = { subject, to: `${TYPE}/new`, method: "echo", payload: tokenBytes("a") };
    const calling = caller.call(outbox.to(subject), errand, {});
    await kernel.sleep(1);
    const leaving = leaver.actors.stop();
    assert.equal((await calling).at, heir.actors.address);
    await leaving;
    await leaver.bus.stop();
    await heir.actors.stop();
    await heir.bus.stop();
  });
});

Deno.test("turns in progress, and goodbyes, can call actors that were never called from there before", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const nodes = new CalmNodes(kernel);
    const told: string[] = [];
    const heir = await nodes.start("heir", {
      define: (actors) =>
        actors.define("sim::book", {
          create: () => ({ handle: ({ method }) => void told.push(method) }),
        }),
    });
    const leaver = await nodes.start("leaver", {
      define: (actors) => {
        const tell = (key: string) =>
          actors.request(`sim::book/${key}`, key, tokenBytes("a"), { timeoutMs: 2_000 });
        actors.define(TYPE, {
          placement: "local",
          create: ({ id }) => ({
            handle: async ({ payload }) => {
              await kernel.sleep(GRACE_MS);
              await tell(`turn of ${id}`);
              return payload;
            },
            onDeactivate: async (reason) => void await tell(`${reason} ${id}`),
          }),
        });
      },
    });
    const call = heir.actors.request(`${TYPE}/1`, "x", tokenBytes("a"), { timeoutMs: 5_000 })
      .then(() => "value", (error) => isPartiError(error) ? error.message : String(error));
    // Nobody has such actors: it is looked for one until there is nobody who would.
    const vain = leaver.actors.request("sim::nobody/1", "x", tokenBytes("a"), { timeoutMs: 60_000 })
      .then(() => "value", (error) => isPartiError(error) ? error.code : String(error));
    await kernel.sleep(GRACE_MS / 2);
    const sinceMs = kernel.nowMs;
    await leaver.actors.stop();
    assert.equal(await vain, "PARTI_STOPPED");
    assert.ok(kernel.nowMs - sinceMs < GRACE_MS, `${kernel.nowMs - sinceMs} ms`);
    assert.equal(await call, "value");
    assert.deepEqual(told, [`turn of ${TYPE}/1`, `stopping ${TYPE}/1`]);
    await leaver.bus.stop();
    await heir.actors.stop();
    await heir.bus.stop();
  });
});

Deno.test("a node that stops while it has no lease leaves nobody asking where an actor is", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const { actors, bus, world } = await new CalmNodes(kernel).start("leaver");
    await world.kv.destroy(nodeBucket(BUS));
    // It is on its way to another.
    while (actors.address !== undefined) await kernel.sleep(1);
    const call = actors.request(`${TYPE}/1`, "x", tokenBytes("a"), { timeoutMs: 60_000 });
    const told = call.then(
      () => "value",
      (error) => isPartiError(error) ? error.code : String(error),
    );
    const sinceMs = kernel.nowMs;
    const leaving = actors.stop();
    assert.equal(await told, "PARTI_STOPPED");
    assert.ok(kernel.nowMs - sinceMs < 10, `${kernel.nowMs - sinceMs} ms`);
    await leaving;
    await bus.stop();
  });
});

Deno.test("a timeout that is no number is told to whoever tells an actor something, too", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    let lookups = 0;
    const { actors, bus } = await new CalmNodes(kernel).start("caller", {
      directory: (own) => ({
        lookup: (id) => (lookups++, own.lookup(id)),
        register: (...all) => own.register(...all),
        unregister: (...all) => own.unregister(...all),
        sweep: (isGone) => own.sweep(isGone),
      }),
    });
    const told = actors.oneway(`${TYPE}/1`, "x", tokenBytes("a"), { timeoutMs: NaN });
    const code = told.then(
      () => "sent",
      (error) => isPartiError(error) ? error.code : String(error),
    );
    await kernel.sleep(1_000);
    await actors.stop();
    await bus.stop();
    assert.deepEqual([await code, lookups], ["PARTI_INVALID_CONFIG", 0]);
  });
});

Deno.test("of an actor that has ended nothing is left in the directory after a minute", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const { actors, bus, world } = await new CalmNodes(kernel).start("a", {
      define: (actors) =>
        actors.define(TYPE, {
          create: ({ deactivate }) => ({
            handle: ({ method }) => method === "end" ? deactivate() : undefined,
          }),
        }),
    });
    const how = { ttlMs: 0, replicas: 1, storage: "file" } as const;
    const directory = await world.kv.open(directoryBucket(BUS), how);
    // What is removed and still there is told to a new watch, too.
    const lying = async (): Promise<string[]> => {
      const keys: string[] = [];
      const { promise: listed, resolve, reject } = Promise.withResolvers<void>();
      const onEntry = ({ key }: { key: string }): void => void keys.push(key);
      const watch = await directory.watch(">", { onEntry, onInitialized: resolve, onLost: reject });
      await listed;
      await watch.close();
      return keys;
    };
    for (let n = 0; n < 10; n++) {
      await actors.request(`${TYPE}/${n}`, n === 0 ? "stay" : "end", tokenBytes("a"));
    }
    await kernel.sleep(1_000);
    assert.deepEqual([actors.size, (await lying()).length], [1, 10]);
    await kernel.sleep(62_000);
    assert.deepEqual(await lying(), ["sim.steady.0"]);
    await actors.stop();
    await bus.stop();
  });
});
