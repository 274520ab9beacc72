/** A node that joins while others call what only it has: it listens before anybody can see it. */
import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { CalmNodes } from "./calm_nodes.ts";
import { tokenBytes } from "./ledger.ts";

const TYPE = "sim::late";
const CALLS = 300;
const TIMEOUT_MS = 3_000;

Deno.test("what is sent to a node as soon as it can be seen is heard there", async () => {
  const kernel = new Kernel({ seed: 1 });
  const told = new Map<string, number>();
  await kernel.run(async () => {
    const nodes = new CalmNodes(kernel);
    const caller = await nodes.start("caller");
    const joining = nodes.start("newcomer", {
      wayMs: 20,
      define: (actors) => {
        actors.define(TYPE, { create: () => ({ handle: ({ payload }) => payload }) });
      },
    });
    const call = async (n: number): Promise<void> => {
      let outcome = "value";
      try {
        const options = { timeoutMs: TIMEOUT_MS };
        await caller.actors.request(`${TYPE}/${n}`, "echo", tokenBytes("a"), options);
      } catch (error) {
        if (!isPartiError(error)) throw error;
        outcome = error.code;
      }
      told.set(outcome, (told.get(outcome) ?? 0) + 1);
    };
    const calls: Promise<void>[] = [];
    for (let n = 0; n < CALLS; n++) {
      calls.push(call(n));
      await kernel.sleep(1);
    }
    const newcomer = await joining;
    await Promise.all(calls);
    for (const { actors, bus } of [caller, newcomer]) {
      await actors.stop();
      await bus.stop();
    }
  });
  const seen = JSON.stringify([...told]);
  assert.equal(told.get("value"), CALLS, seen);
});
