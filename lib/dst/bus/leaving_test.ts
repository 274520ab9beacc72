/** A node that leaves in order while others call: whoever is not served any more is told so for certain. */
import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::steady";
const CALLS = 60;
const GRACE_MS = 1_000;

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
