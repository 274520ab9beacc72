/** A node whose actors cannot start: whoever calls from there is told so at once. */
import assert from "node:assert/strict";
import { ActorSystem } from "../../bus/actors/actor_system.ts";
import type { ActorSystemOptions } from "../../bus/actors/actor_system_options.ts";
import { isPartiError, type PartiErrorCode } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const AT_ONCE_MS = 1;

/** A second system on a bus that has one. */
async function failsToStart(
  options: Partial<ActorSystemOptions>,
  why: PartiErrorCode,
): Promise<void> {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const { world, bus, actors: first } = await new CalmNodes(kernel).start("node");
    const second = new ActorSystem({ ...options, world, bus });
    const call = () =>
      second.request("sim::nobody/1", "x", tokenBytes("a"), { timeoutMs: 60_000 })
        .then(() => "value", (error) => isPartiError(error) ? error.code : String(error));
    const early = call();
    await assert.rejects(second.start(), { code: why });
    const sinceMs = kernel.nowMs;
    assert.equal(await early, "PARTI_STOPPED");
    assert.equal(await call(), "PARTI_STOPPED");
    assert.ok(kernel.nowMs - sinceMs <= AT_ONCE_MS, `${kernel.nowMs - sinceMs} ms`);
    await second.stop();
    await first.stop();
    await bus.stop();
  });
}

Deno.test("actors that could not join tell whoever calls them, before or after", async () => {
  await failsToStart({}, "PARTI_ALREADY_STARTED");
});

Deno.test("actors whose buckets could not be opened tell whoever calls them, before or after", async () => {
  await failsToStart({ leaseTtlMs: 60_000 }, "PARTI_INVALID_CONFIG");
});
