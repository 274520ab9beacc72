/** An actor that calls itself waits for a turn that cannot come before its own has ended. */
import assert from "node:assert/strict";
import { Kernel } from "../kernel/kernel.ts";
import { CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::self";
const ID = `${TYPE}/1`;
const DEADLINE_MS = 500;

Deno.test("an actor that calls itself waits for the deadline, and what it tells itself comes afterwards", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const handled: string[] = [];
    const { actors, bus } = await new CalmNodes(kernel).start("node", {
      define: (actors) =>
        actors.define(TYPE, {
          create: () => ({
            handle: async ({ method }) => {
              handled.push(method);
              if (method !== "outer") return;
              await actors.oneway(ID, "told", tokenBytes("a"));
              await actors.request(ID, "inner", tokenBytes("a"), { timeoutMs: DEADLINE_MS });
            },
          }),
        }),
    });
    const sinceMs = kernel.nowMs;
    const call = actors.request(ID, "outer", tokenBytes("a"));
    await assert.rejects(call, { code: "PARTI_CALL_FAILED", message: /no answer within/ });
    assert.ok(kernel.nowMs - sinceMs >= DEADLINE_MS);
    await kernel.sleep(100);
    assert.deepEqual(handled, ["outer", "told"]);
    await actors.stop();
    await bus.stop();
  });
});
