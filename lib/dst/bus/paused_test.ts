/** A node that stands still: to the server it is there, and its actors can live elsewhere once its lease is over. */
import assert from "node:assert/strict";
import { addressSubject } from "../../bus/names.ts";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BUS } from "./bus_cluster.ts";
import { type CalmNode, CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::steady";
const ID = `${TYPE}/1`;
const LEASE_TTL_MS = 5_000;
/** A look of the lookout, a proof, and the way there and back. */
const SOON_MS = 500;

interface Stage {
  readonly kernel: Kernel;
  readonly caller: CalmNode;
  readonly heir: CalmNode;
}

/** An actor's node stands still, and another one is there on which it can live. */
async function withActorPaused<T>(play: (stage: Stage) => Promise<T>): Promise<T> {
  const kernel = new Kernel({ seed: 1 });
  return await kernel.run(async () => {
    const nodes = new CalmNodes(kernel);
    const define: Parameters<CalmNodes["start"]>[1] = {
      define: (actors) =>
        actors.define(TYPE, { create: () => ({ handle: ({ payload }) => payload }) }),
    };
    const caller = await nodes.start("caller");
    const sleeper = await nodes.start("sleeper", define);
    await caller.actors.request(ID, "echo", tokenBytes("a"));
    const heir = await nodes.start("heir", define);
    sleeper.owner.pause();
    const result = await play({ kernel, caller, heir });
    sleeper.owner.kill();
    for (const { actors, bus } of [caller, heir]) {
      await actors.stop();
      await bus.stop();
    }
    return result;
  });
}

Deno.test("a node stands still: with a key its calls have their value as soon as its lease is over", async () => {
  await withActorPaused(async ({ kernel, caller }) => {
    const sinceMs = kernel.nowMs;
    const options = { timeoutMs: 8_000, idempotencyKey: "k" };
    await caller.actors.request(ID, "echo", tokenBytes("a"), options);
    assert.ok(kernel.nowMs - sinceMs < LEASE_TTL_MS + SOON_MS, `${kernel.nowMs - sinceMs} ms`);
  });
});

Deno.test("a node stands still: without a key nobody waits for the deadline", async () => {
  await withActorPaused(async ({ kernel, caller, heir }) => {
    const sinceMs = kernel.nowMs;
    const direct = caller.actors.request(ID, "echo", tokenBytes("a"), { timeoutMs: 30_000 });
    // The heir looks where the actor is, and sends it on.
    const subject = addressSubject(BUS, heir.actors.address!);
    const errand = { subject, to: ID, method: "echo", payload: tokenBytes("a") };
    const sentOn = caller.bus.caller.call(caller.bus.outbox.to(subject), errand, {
      timeoutMs: 30_000,
    });
    const error = await direct.catch((caught) => caught);
    assert.ok(isPartiError(error, "PARTI_MAYBE_DELIVERED"), String(error));
    assert.equal((await sentOn).reason, "gone");
    assert.equal(heir.bus.counts.forwarded, 1);
    assert.ok(kernel.nowMs - sinceMs < LEASE_TTL_MS + SOON_MS, `${kernel.nowMs - sinceMs} ms`);
  });
});
