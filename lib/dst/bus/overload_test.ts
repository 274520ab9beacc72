/** A node that calls more than it may: what is refused, and what it goes on to know. */
import assert from "node:assert/strict";
import type { CallOptions } from "../../bus/bus_options.ts";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::busy";
const PENDING_MAX = 10;

function codeOf(error: unknown): string {
  return isPartiError(error) ? error.code : String(error);
}

Deno.test("calls that look for their actor in vain are not more than may wait", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const { actors, bus } = await new CalmNodes(kernel).start("caller", {
      busOptions: { pendingMax: PENDING_MAX },
      directory: (own) => ({
        sweep: (isGone) => own.sweep(isGone),
        register: (...args) => own.register(...args),
        unregister: (...args) => own.unregister(...args),
        lookup: () => new Promise(() => {}),
      }),
    });
    const options = { timeoutMs: 1_000 };
    const request = (n: number) =>
      actors.request(`${TYPE}/${n}`, "x", tokenBytes("a"), options).catch(codeOf);
    const looking = Array.from({ length: PENDING_MAX }, (_, n) => request(n));
    const sinceMs = kernel.nowMs;
    assert.equal(await request(PENDING_MAX), "PARTI_OVERLOADED");
    await assert.rejects(actors.oneway(`${TYPE}/1`, "x", tokenBytes("a"), options), {
      code: "PARTI_OVERLOADED",
      value: PENDING_MAX,
    });
    assert.equal(kernel.nowMs, sinceMs);
    assert.deepEqual(await Promise.all(looking), Array(PENDING_MAX).fill("PARTI_TIMEOUT"));
    // All have come to their end: there is room again.
    assert.equal(await request(0), "PARTI_TIMEOUT");
    await actors.stop();
    await bus.stop();
  });
});

Deno.test("who is refused for too many calls, or gives one up, still knows where the actor is", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const nodes = new CalmNodes(kernel);
    let work = Promise.withResolvers<void>();
    const host = await nodes.start("host", {
      define: (actors) =>
        actors.define(TYPE, {
          mailboxMax: 1,
          create: () => ({
            handle: ({ method, payload }) => method === "work" ? work.promise : payload,
          }),
        }),
    });
    let lookups = 0;
    const { actors, bus } = await nodes.start("caller", {
      busOptions: { pendingMax: 3 },
      directory: (own) => ({
        sweep: (isGone) => own.sweep(isGone),
        register: (...args) => own.register(...args),
        unregister: (...args) => own.unregister(...args),
        lookup: (id) => (lookups++, own.lookup(id)),
      }),
    });
    const call = (method: string, options: CallOptions = {}) =>
      actors.request(`${TYPE}/1`, method, tokenBytes("a"), options).then(() => "value", codeOf);
    assert.equal(await call("echo"), "value");
    assert.equal(lookups, 1);
    const cancel = new AbortController();
    const aborted = call("work", { signal: cancel.signal });
    await kernel.sleep(50);
    cancel.abort();
    assert.equal(await aborted, "PARTI_ABORTED");
    work.resolve();
    work = Promise.withResolvers();
    // One is at work and one waits: the mailbox of the actor is full.
    const taken = [call("work"), call("echo")];
    await kernel.sleep(50);
    assert.equal(await call("echo"), "PARTI_OVERLOADED");
    // And so is what may wait here.
    const waiting = call("echo");
    assert.equal(await call("echo"), "PARTI_OVERLOADED");
    work.resolve();
    assert.deepEqual(await Promise.all([...taken, waiting]), Array(3).fill("value"));
    assert.equal(await call("echo"), "value");
    assert.equal(lookups, 1, "it knew all the time");
    for (const node of [host, { actors, bus }]) {
      await node.actors.stop();
      await node.bus.stop();
    }
  });
});
